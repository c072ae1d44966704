'use strict';

const { call, context, harmless, is, like, ok, run, violations } =
    require('./browser');

let port;


function url(host, path) {
    return `http://${host}.localhost:${port}${path}`;
}


/* the portal, as the button opens it */

async function portal(page) {
    const [popup] = await Promise.all([page.waitForEvent('popup'),
                                       page.click('#soporte a')]);

    await popup.waitForLoadState();
    await popup.waitForSelector('#f-form');

    return popup;
}


async function about(popup) {
    return popup.evaluate(() => JSON.parse(
        document.querySelector('[name=context]').value));
}


async function desk(browser, version) {
    const name = `v${version}`;
    const path = version >= 16 ? '/desk' : '/app';
    const c = await context(browser, { viewport: { width: 1280, height: 800 },
                                       locale: 'es-MX' });
    const page = await c.newPage();

    await page.goto(url(name, `${path}/sales-invoice/SINV-0001`));
    await page.waitForSelector('#soporte a');
    is(await page.textContent('#soporte a'), 'Ayuda', `${name}: it appears`);
    is(await page.textContent('#body'), name, `${name}: the desk works`);
    is(await violations(page, {}, '#soporte'), [], `${name}: axe`);

    /* on to other screens; a careless one empties the page */
    await page.evaluate(() => {
        frappe.set_route('List', 'Item', 'List');
        document.getElementById('soporte').remove();
        frappe.set_route('Form', 'Customer', 'Acme');
    });
    await page.waitForSelector('#soporte a');
    is(await page.locator('#soporte').count(), 1,
       `${name}: one, whatever the route`);

    await page.evaluate(() => {
        frappe.msgprint('Listo', 'Guardado', 'green');
        frappe.hide_msgprint();
        frappe.msgprint('Error', 'No se pudo: {"password": "hunter2", '
                        + '"clave": x9, a=1}', 'red');
    });
    await page.waitForTimeout(50);
    await page.evaluate(() => frappe.hide_msgprint());

    const popup = await portal(page);

    is(popup.url(), url(name, '/soporte'), `${name}: it opens, and tidies up`);
    is(await popup.inputValue('[name=email]'), 'ana@acme.mx',
       `${name}: the user's e-mail`);
    is(await about(popup), {
        route: 'Form/Customer',
        versions: { frappe: `${version}.1.0`, erpnext: `${version}.2.0` },
        last_error: 'Error: No se pudo: {"password": *****, "clave": *****, '
                    + 'a=1}'
    }, `${name}: what it tells`);

    const shown = await popup.textContent('#ctx');

    for (const word of ['Pantalla', 'Form/Customer', `frappe ${version}.1.0`,
                        'Último error que viste', 'No se pudo']) {
        ok(shown.includes(word), `${name}: shown before it is sent: ${word}`);
    }

    await popup.check('[value=uso]');
    await popup.fill('[name=subject]', name);
    await popup.fill('[name=description]', 'x');
    await popup.click('text=Enviar solicitud');
    await popup.waitForURL(/\/tickets\/SOP-[^?]*$/);

    const stored = await call('context', await popup.textContent('#folio'));

    is(stored.route, 'Form/Customer', `${name}: and sent`);
    is(stored.last_error.includes('hunter2'), false,
       `${name}: without the password`);
    await popup.close();

    /* the other ways in which the desk tells of an error */
    await page.evaluate(() => frappe.server_error('KeyError: token=abc'));
    await page.waitForTimeout(50);

    let again = await portal(page);
    is((await about(again)).last_error, 'Server Error: KeyError: token=*****',
       `${name}: a server error`);

    /* not sent when it is taken off */
    await again.uncheck('[name=context]');
    is(await again.evaluate(() => new FormData(
        document.getElementById('f-form')).has('context')), false,
    `${name}: it can be taken off`);
    await again.close();

    await page.evaluate(() => frappe.show_alert('Sin permiso', 'red'));
    await page.waitForTimeout(50);
    again = await portal(page);
    is((await about(again)).last_error, 'Sin permiso', `${name}: an alert`);
    await again.close();

    harmless(c, name);
    await c.close();
}


async function notices(browser) {
    const c = await context(browser);
    const page = await c.newPage();

    await call('control', 'POST', 'maintenances', { title: 'Versión 16',
        starts_at: new Date(Date.now() + 72e5).toISOString(),
        ends_at: new Date(Date.now() + 9e6).toISOString() });
    await page.goto(url('v15', '/app'));
    await page.waitForSelector('#soporte [role=status]');
    like(await page.textContent('#soporte [role=status]'),
         /^Mantenimiento: .*\d\d:\d\d.*/, 'a window ahead is told of');
    is(await violations(page, {}, '#soporte'), [], 'a notice: axe');

    await call('control', 'PUT', 'incident',
               { title: '<img src=x onerror=alert(1)>', impact: 'minor' });
    await page.reload();
    await page.waitForSelector('#soporte [role=status]');
    like(await page.textContent('#soporte [role=status]'),
         /^<img src=x onerror=alert\(1\)>/, 'an incident, as text');
    is(await page.locator('#soporte img').count(), 0, '... and no more');
    is(await page.getAttribute('#soporte [role=status] a', 'href'),
       '/soporte/estado', '... with the way to the status page');
    await page.click('#soporte button');
    is(await page.locator('#soporte [role=status]').count(), 0,
       '... until it is put away');
    await call('control', 'DELETE', 'incident');
    harmless(c, 'notices');
    await c.close();
}


async function without(browser) {
    const c = await context(browser);
    const page = await c.newPage();

    await page.goto(url('apagado', '/app'), { waitUntil: 'networkidle' });
    is(await page.locator('#soporte').count(), 0,
       'no portal, no button');

    await page.goto(url('otro', '/app'));
    await page.waitForSelector('#soporte a');

    const popup = await portal(page);

    ok(await popup.isVisible('text=¿En qué te ayudamos?'),
       'a page that is no desk has the way to help');
    await popup.close();

    is(c.seen.errors.concat(c.seen.csp, c.seen.foreign), [],
       'where anything is missing nothing breaks');
    await c.close();
}


run(async browser => {
    port = await call('where');

    for (const version of [13, 14, 15, 16]) {
        await desk(browser, version);
    }

    await notices(browser);
    await without(browser);
});
