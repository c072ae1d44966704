'use strict';

const crypto = require('crypto');
const fs = require('fs');

const { all, call, context, faint, harmless, is, ok, run, sideways, top,
        violations } = require('./browser');

const limit = 14 * 1000;            /* bytes of a page, before compression */


const script = fs.readFileSync(`${top}/conf/form.js`);


/* what http/load.c makes of a page: inline styles and scripts by their hash */

function policy(html) {
    const form = /<script src="[^"]*form\.js"/.test(html)
        ? ` 'sha256-${crypto.createHash('sha256').update(script)
                      .digest('base64')}'` : '';
    const hashes = tag => [...html.matchAll(
        new RegExp(`<${tag}>([^]*?)</${tag}>`, 'g'))]
        .map(m => ` 'sha256-${crypto.createHash('sha256').update(m[1])
                              .digest('base64')}'`).join('');

    return `default-src 'none'; style-src${hashes('style') || " 'none'"}; `
           + `script-src${form + hashes('script') || " 'none'"}; img-src data:; `
           + "connect-src 'self'; form-action 'self'; base-uri 'none'; "
           + "frame-ancestors 'none'";
}


async function look(page, name, html, colorScheme) {
    await page.emulateMedia({ colorScheme });
    await page.setViewportSize({ width: 320, height: 640 });
    await page.goto(`http://acme.test/soporte/${name}`);

    /* what is folded is looked at, too */
    await page.evaluate(() => document.querySelectorAll('details')
                        .forEach(e => { e.open = true; }));

    is(await violations(page), [], `${name} ${colorScheme}: axe`);
    is(await faint(page), [], `${name} ${colorScheme}: contrast`);
}


async function narrow(page, name) {
    for (const width of [320, 1280]) {
        await page.setViewportSize({ width, height: 640 });
        is(await sideways(page), [], `${name}: ${width} px wide`);
    }
}


async function form(page, name) {
    is(await page.evaluate(() => [
        ...document.querySelectorAll('main, header, footer, h1, a.v')]
        .map(e => e.tagName).sort().join(' ')), 'A FOOTER H1 HEADER MAIN',
    `${name}: landmarks, one heading, a skip link`);

    is(await page.evaluate(() => document.querySelectorAll(
        'a[href^="tel:"]').length > 0 && document.querySelectorAll(
        'a[href^="mailto:"]').length > 0), true,
    `${name}: telephone and e-mail`);
}


/* one fault for each of those who look */

const faulty = `<!doctype html><html lang=es><title>x</title><main>
<h1 style="color:red">x</h1><p><font color="#999">faint</font><input>
<pre>${'wide '.repeat(99)}</pre><img src="https://example.com/x.png"></main>
<script>alert(1)</script><script>throw 1</script>`;


async function detectors(browser) {
    const c = await context(browser);
    const page = await c.newPage();

    await page.setViewportSize({ width: 320, height: 640 });
    await c.route('**/*', route => route.request().url().endsWith('/faulty')
        ? route.fulfill({ body: faulty, headers: { 'Content-Type': 'text/html',
            'Content-Security-Policy': "script-src 'unsafe-inline'; "
                                       + "style-src 'none'" } })
        : route.abort());
    await page.goto('http://acme.test/faulty');

    ok((await violations(page)).some(v => /^label/.test(v)), 'axe sees');
    is(await faint(page), ['2.85 faint'], 'faint text is seen');
    ok((await sideways(page)).length > 0, 'what sticks out is seen');

    for (const kind of Object.keys(c.seen)) {
        ok(c.seen[kind].length > 0, `${kind}: seen`);
    }

    await c.close();
}


run(async browser => {
    await detectors(browser);

    const pages = await call('pages');
    const c = await context(browser);
    const page = await c.newPage();
    const html = new Map(pages);

    await c.route('**/*', route => {
        const name = new URL(route.request().url()).pathname.split('/').pop();

        if (name === 'form.js') {
            return route.fulfill({ body: script,
                                   contentType: 'text/javascript' });
        }

        return html.has(name)
            ? route.fulfill({ body: html.get(name), headers: {
                'Content-Type': 'text/html; charset=utf-8',
                'Content-Security-Policy': policy(html.get(name)) } })
            : route.fulfill({ status: 404, body: '' });
    });

    for (const [name, text] of pages) {
        if (name.startsWith('desk-')) {
            continue;                        /* a fragment, see desk.t */
        }

        ok(Buffer.byteLength(text) <= limit,
           `${name}: ${Buffer.byteLength(text)} bytes`);

        if (!all && name.endsWith('.en')) {
            continue;
        }

        await look(page, name, text, 'light');
        await form(page, name);
        await narrow(page, name);
        await look(page, name, text, 'dark');
    }

    harmless(c, 'pages');
});
