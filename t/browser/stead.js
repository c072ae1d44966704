'use strict';
/*
 * The answers in a tenant's stead: what the desk makes of the JSON, what a
 * page does while it waits.
 */

const { call, ok, is, like, context, harmless, violations, run } =
    require('./browser');


/*
 * frappe/public/js/frappe/request.js of version 15, in short, with its rules:
 * Accept is application/json and jQuery adds X-Requested-With; .always()
 * parses the body and cleanup() shows _server_messages unless a handler for
 * exc_type is there; .fail() looks at "content-type" == "application/json"
 * (equality) and has handlers by status, for 500, 502 and 504 among them and
 * for none of 503.  msgprint() parses each message again and inserts title
 * and message as HTML.
 */

async function desk(page, path) {
    return page.evaluate(async url => {
        const shown = [], errors = [];

        const msgprint = list => [].concat(list).forEach(text => {
            const message = typeof text === 'string' ? JSON.parse(text) : text;
            const box = document.createElement('div');

            box.innerHTML = message.message;
            shown.push({ title: message.title, text: box.textContent,
                         html: box.innerHTML, indicator: message.indicator,
                         links: [...box.querySelectorAll('a')].map(a => a
                             .getAttribute('href')) });
        });

        const byStatus = {
            401: 'Session Expired', 403: 'Not permitted', 404: 'Not found',
            413: 'Size exceeds the maximum', 417: '', 500: 'Internal Server '
            + 'Error', 501: '', 502: 'Internal Server Error', 504: 'Request '
            + 'Timed Out', 508: 'Deadlock'
        };

        const xhr = await new Promise(resolve => {
            const x = new XMLHttpRequest();

            x.open('POST', url);
            x.setRequestHeader('Accept', 'application/json');
            x.setRequestHeader('X-Requested-With', 'XMLHttpRequest');
            x.setRequestHeader('X-Frappe-CSRF-Token', 'token');
            x.setRequestHeader('Content-Type',
                               'application/x-www-form-urlencoded');
            x.onloadend = () => resolve(x);
            x.send('cmd=frappe.desk.form.save.savedocs');
        });

        let data = null;

        try {
            data = JSON.parse(xhr.responseText);
        } catch (e) {
            errors.push('SyntaxError');
        }

        /* always(): cleanup(opts, data) */

        if (data && data._server_messages) {
            msgprint(JSON.parse(data._server_messages));
        }

        /* fail() */

        const json = xhr.getResponseHeader('content-type')
                     === 'application/json';
        const exception = json && data && data.exception;

        if (!exception && byStatus[xhr.status]) {
            msgprint({ title: byStatus[xhr.status], message: '' });
        }

        /* frappe-ui: JSON.parse of the body, then error.exc_type */

        return { status: xhr.status, shown, errors, json,
                 type: data && data.exc_type, soporte: data && data.soporte };
    }, path);
}

async function dialog(page, path, title, text, name) {
    const r = await desk(page, path);

    is(r.status, 503, `${name}: 503`);
    ok(r.json, `${name}: exactly application/json`);
    is(r.errors, [], `${name}: can be parsed`);
    is(r.type, 'SessionStopped', `${name}: exc_type as Frappe's`);
    is(r.shown.map(d => d.title), [title], `${name}: one dialog, ours`);
    like(r.shown.map(d => d.text).join(), text, `${name}: says why`);
    is(r.shown.map(d => d.indicator), ['orange'], `${name}: orange`);
    ok(r.shown[0] && r.shown[0].links.includes('/soporte'),
       `${name}: a way to help`);

    return r;
}


async function desks(browser, address) {
    const c = await context(browser);
    const page = await c.newPage();

    await page.goto(`${address}/app/invoice`);
    is((await desk(page, '/api/method/ping')).shown, [], 'open: no dialog');

    await call('word', 'PUT', 'maintenance', { title: 'T', message:
        '<img src=x onerror=alert(1)> hasta las 23:00' });
    let r = await dialog(page, '/', 'Estamos en mantenimiento',
                         /hasta las 23:00/, 'maintenance');
    ok(!/<img/.test(r.shown[0].html), 'maintenance: no markup of the operator');
    await call('word', 'DELETE', 'maintenance');

    await call('word', 'PUT', 'restore', { phase: 'database', progress: 40 });
    r = await dialog(page, '/', 'Estamos restaurando tu sistema',
                     /Listo a más tardar/, 'restore');
    is(r.soporte.phase, 'database', 'restore: its phase');
    await call('word', 'DELETE', 'restore');

    await call('word', 'PUT', 'incident', { message: 'Se dañó un disco.',
                                            block: true });
    await dialog(page, '/', 'El sistema no responde', /Se dañó un disco/,
                 'incident');
    await call('word', 'DELETE', 'incident');

    await call('erp', 'maintenance');
    await dialog(page, '/', 'El sistema no responde', /actualiza/,
                 'Frappe\'s own maintenance');
    await call('erp', 'up');

    await dialog(page, '/?stand=hang', 'El sistema no responde',
                 /No eres tú ni tu internet/, 'a timeout');

    await call('erp', 'stop');
    await dialog(page, '/', 'El sistema no responde',
                 /No eres tú ni tu internet/, 'refused');
    await call('erp', 'start');

    harmless(c, 'the desk');
    await c.close();
}


/* a page with a clock of ours, and the looks at estado.json that it takes */

async function waiting(browser, address, path) {
    const c = await context(browser);
    const page = await c.newPage();
    const looks = [];

    page.on('request', request => {
        if (/estado\.json$/.test(request.url())) {
            looks.push(request.url());
        }
    });

    await page.clock.install();
    await page.goto(address + path);

    return { c, page, looks };
}

async function wind(page, seconds) {
    await page.clock.runFor(seconds * 1000);
}

/* until the page has asked once more */

async function looked(w, n) {
    for (let i = 0; w.looks.length < n && i < 200; i++) {
        await wind(w.page, 1);
        await w.page.waitForTimeout(10);
    }

    return w.looks.length >= n;
}


async function comes_back(browser, address) {
    await call('word', 'PUT', 'maintenance', { title: 'Trabajo' });

    const w = await waiting(browser, address, '/app/invoice/7?a=1');
    like(await w.page.title(), /En mantenimiento/, 'the page is there');

    await wind(w.page, 4);
    is(w.looks.length, 0, 'it does not look at once');
    ok(await looked(w, 1), 'it looks for news');
    ok(await looked(w, 3), '... again and again');

    /* the page may be gone before anybody outside reads what it said */

    const back = new Promise((told) => w.page.exposeFunction('tell', told));

    await w.page.waitForFunction('window.tell');
    await w.page.evaluate(() => {
        const live = document.getElementById('live');

        new MutationObserver(() => window.tell(live.textContent))
            .observe(live, { childList: true, characterData: true,
                             subtree: true });
    });

    await call('word', 'DELETE', 'maintenance');
    ok(await looked(w, w.looks.length + 1), 'it looks when all is over');
    like(await Promise.race([back, w.page.waitForTimeout(10000)]),
         /te llevamos de vuelta/,
         'it says that it takes the reader back');

    /* at most the two minutes that estado.json may say */

    const title = () => w.page.title().catch(() => 'En mantenimiento');

    for (let i = 0; i < 125 && /mantenimiento/.test(await title()); i++) {
        await wind(w.page, 1).catch(() => {});
    }

    is(w.page.url(), `${address}/app/invoice/7?a=1`,
       'it is back where the reader was');
    ok(!/mantenimiento/.test(await title()), '... and that is the site');

    harmless(w.c, 'back');
    await w.c.close();
}


async function pauses(browser, address) {
    await call('word', 'PUT', 'maintenance', { title: 'Trabajo' });

    const w = await waiting(browser, address, '/app');

    const hide = hidden => w.page.evaluate(h => {
        Object.defineProperty(document, 'hidden', { value: h, configurable:
                                                    true });
        document.dispatchEvent(new Event('visibilitychange'));
    }, hidden);

    await hide(true);
    await wind(w.page, 300);
    is(w.looks.length, 0, 'hidden, it does not look');
    await hide(false);
    await wind(w.page, 2);
    await w.page.waitForTimeout(50);
    is(w.looks.length, 1, 'seen again, it looks at once');

    /* failures: twice as long each time, up to two minutes and a half */

    await w.page.route('**/estado.json', route => route.abort());
    const n = w.looks.length;
    const times = [];

    for (let i = 0; i < 1000 && times.length < 7; i++) {
        await wind(w.page, 1);
        await w.page.waitForTimeout(4);
        while (times.length < w.looks.length - n) {
            times.push(i);
        }
    }

    const gaps = times.slice(1).map((t, i) => t - times[i]);
    ok(gaps[gaps.length - 1] > 50, `failures: it waits longer (${gaps})`);
    ok(Math.max(...gaps) <= 185, '... and not for ever');

    await w.c.close();
    await call('word', 'DELETE', 'maintenance');
}


/* a restore that goes on, without the page being loaded anew */

async function restoring(browser, address) {
    await call('word', 'PUT', 'restore', { phase: 'database', progress: 10 });

    const w = await waiting(browser, address, '/app');
    const current = w.page.locator('[aria-current=step]');
    const bar = w.page.locator('progress');

    like(await current.textContent(), /Base de datos/, 'the phase');
    is(await bar.getAttribute('value'), '10', '... its progress');

    await call('word', 'PUT', 'restore', { phase: 'migration', progress: 55 });
    ok(await looked(w, 1), 'it looks');
    await w.page.locator('[aria-current=step]', { hasText: 'Migración' })
        .waitFor();
    is(await w.page.locator('[aria-current=step]').count(), 1,
       'one phase is current');
    is(await bar.evaluate(e => e.value), 55, '... with its progress');
    like(await w.page.locator('#live').textContent(), /Migración/,
         '... told to who can\'t see it');
    is(await violations(w.page), [], 'axe finds nothing');

    harmless(w.c, 'restoring');
    await w.c.close();
    await call('word', 'DELETE', 'restore');
}


/* without JavaScript: a link, and a refresh that can be stopped */

async function without(browser, address) {
    await call('word', 'PUT', 'maintenance', { title: 'Trabajo' });

    const c = await context(browser, { javaScriptEnabled: false });
    const page = await c.newPage();

    await page.goto(`${address}/app?a=1`);

    const refresh = page.locator('meta[http-equiv=refresh]');
    like(await refresh.getAttribute('content'), /^(1[5-9]|[2-9]\d|1[0-4]\d)$/,
         'no script: it loads itself anew');
    ok(await page.getByRole('link', { name: 'Actualizar ahora' }).count(),
       '... and has a link');

    await page.getByRole('link', { name: 'Detenerla' }).click();
    is(await refresh.count(), 0, 'stopped, it stays');
    is(new URL(page.url()).search, '?a=1&sin-recarga=1', '... where it was');

    await c.close();
    await call('word', 'DELETE', 'maintenance');
}


run(async browser => {
    const address = await call('address');

    await desks(browser, address);
    await comes_back(browser, address);
    await pauses(browser, address);
    await restoring(browser, address);
    await without(browser, address);
});
