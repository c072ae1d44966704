'use strict';

const { call, context, faint, harmless, is, like, run, sideways,
        violations } = require('./browser');

run(async browser => {
    const port = await call('where');
    const c = await context(browser, { viewport: { width: 320, height: 640 } });
    const page = await c.newPage();

    for (const path of ['/soporte', '/soporte/estado', '/app']) {
        await page.goto(`http://acme.localhost:${port}${path}`);

        like(await page.title(), /Nube Norte$/, `${path}: the name`);
        is(await page.locator('header .k svg[aria-label="Nube Norte"]')
                     .count(), 1, `${path}: the logo`);
        is(await page.getAttribute('header svg rect', 'fill'), '#7a2e6b',
           `${path}: the color`);
        is(await page.getAttribute('footer a[href^=tel]', 'href'),
           'tel:8155550100', `${path}: the telephone`);
        is(await sideways(page), [], `${path}: 320 px`);

        for (const colorScheme of ['light', 'dark']) {
            await page.emulateMedia({ colorScheme });
            is(await violations(page), [], `${path} ${colorScheme}: axe`);
            is(await faint(page), [], `${path} ${colorScheme}: contrast`);
        }
    }

    is(await page.textContent('h1'), 'Volvemos en un momento', 'the page');
    is(await page.$eval('.own', e => getComputedStyle(e).borderTopStyle),
       'double', 'its style is allowed');
    harmless(c, 'a page of one\'s own');
    await c.close();
});
