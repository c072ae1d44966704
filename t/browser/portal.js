'use strict';

const crypto = require('crypto');

const { all, call, context, faint, harmless, is, like, ok, run, sideways,
        violations } = require('./browser');

const limit = 14 * 1000;            /* bytes of a page, before compression */

let port, policy, browser, serial = 0;


function url(host, path = '') {
    return `http://${host}.localhost:${port}/soporte${path}`;
}


/* a subject that no other ticket of this test has */

function subject(what) {
    return `${what} ${++serial}`;
}


const button = '#f-form button:not([formaction]):not(.v):not(.o):not([name])';


async function open(c, host, path) {
    const page = await c.newPage();
    const answer = await page.goto(url(host, path));
    const length = (await answer.body()).length;

    ok(length <= limit, `${host}${path || ''}: ${length} bytes`);

    return page;
}


async function fill(page, values) {
    for (const [name, value] of Object.entries(values)) {
        if (name === 'category') {
            const radio = page.locator(`[name=category][value="${value}"]`);
            const more = page.locator('details', { has: radio });

            if (await more.count() && !await radio.isVisible()) {
                await more.locator('summary').click();
            }
            await radio.check();
        } else {
            /* typed, maxlength would cut it */
            await page.$eval(`[name=${name}]`, (e, v) => {
                e.value = v;
                e.dispatchEvent(new Event('input', { bubbles: true }));
            }, value);
        }
    }
}


async function send(page) {
    await page.click(button);
}


/* the folio of the ticket's page that a form led to */

async function folio(page) {
    await page.waitForURL(/\/tickets\/SOP-[^?]*$/);

    return page.textContent('#folio');
}


function expected(values, more = {}) {
    const category = policy.categories.find(c => c.id === values.category);

    return { tenant: 'acme', description: '', name: null, phone: null,
             verified: false, lang: 'es', node: 'nodo', status: 'received',
             reply_due: null, recent: true, context: {},
             out_of_scope: !category.included, urgent: !!category.urgent,
             queue: category.queue, ...values, ...more };
}


async function stored(number, values, name, more) {
    const row = await call('ticket', number);
    const want = expected(values, { folio: number, ...more });

    for (const key of Object.keys(want)) {
        is(row[key], want[key], `${name}: ${key}`);
    }
}


function whole(what) {
    return { category: 'cuenta', subject: subject(what),
             description: 'Línea 1\nñ <b>«»</b> 😀', email: 'ana@acme.mx',
             name: 'Ana Ruiz', phone: '+52 55 1234 5678' };
}


/* walks */

async function inHours(javaScriptEnabled) {
    const name = `in hours, ${javaScriptEnabled ? 'with' : 'without'} script`;
    const c = await context(browser, { javaScriptEnabled });
    const page = await open(c, 'abierto');
    const values = whole(name);

    like(await page.textContent('.h'), /Estamos en línea hasta las/,
         `${name}: it is open`);
    like(await page.textContent('.h'), /800 788 0081/, `${name}: telephone`);

    await fill(page, { category: values.category });
    ok(await page.isVisible('text=Con gusto la revisamos'),
       `${name}: the answer is shown before anything is written`);
    ok(await page.isVisible('text=¿Esto resolvió tu duda?'),
       `${name}: and whether it helped is asked`);

    await fill(page, values);
    await send(page);

    const number = await folio(page);

    like(await page.textContent('main'), /Te contestaremos por correo o chat/,
         `${name}: when somebody replies`);
    like(await page.textContent('main'), /ñ <b>«»<\/b> 😀/,
         `${name}: what was written`);
    like(await page.inputValue('#enlace'),
         new RegExp(`/soporte/tickets/${number}\\?clave=[\\w-]{43}$`),
         `${name}: the private link`);
    like(await page.getAttribute('footer a[href^=mailto]', 'href'),
         new RegExp(`subject=acme(%20| )${number}`),
         `${name}: e-mail with the folio`);

    await stored(number, values, name);
    harmless(c, name);

    return { c, page, number };
}


async function copy() {
    const { c, page, number } = await inHours(true);

    await c.grantPermissions(['clipboard-read', 'clipboard-write']);
    await page.click('[data-copy=folio]');
    await page.waitForFunction(() =>
        document.getElementById('copia').textContent === 'Copiado.');
    is(await page.evaluate(() => navigator.clipboard.readText()), number,
       'the folio is copied');

    await call('answer', number, 'Hola <i>Ana</i>:\nya quedó.');
    await page.reload();
    like(await page.textContent('article'), /Hola <i>Ana<\/i>:\nya quedó\./,
         'an agent\'s answer is shown, as it was written');

    for (const script of [true, false]) {
        const other = await context(browser, { javaScriptEnabled: script });
        const link = await page.inputValue('#enlace');
        const reader = await other.newPage();
        const text = `Una cosa más, ${script}`;

        await reader.goto(link);
        await reader.fill('[name=message]', text);
        await reader.click(button);
        await reader.waitForSelector(`article:has-text("${text}")`);
        ok(true, `a message, ${script ? 'with' : 'without'} script`);
        harmless(other, 'a message');
        await other.close();
    }

    is(await violations(page), [], 'a ticket with messages: axe');

    await page.click('a[href*="/estado?clave="]');
    is(new URL(page.url()).search, '', 'the status link is clean at once');
    await c.close();
}


async function outOfHours() {
    const c = await context(browser);
    const page = await open(c, 'cerrado');
    const values = whole('out of hours');

    like(await page.textContent('.h'),
         /te contestaremos cuando abramos, .* \(hora de Ciudad de México\)/,
         'out of hours: when it opens, with the zone');

    await fill(page, values);
    await send(page);

    const number = await folio(page);

    like(await page.textContent('main'),
         /Te contestaremos .* a partir de las 09:00/,
         'out of hours: when somebody replies');
    await stored(number, values, 'out of hours');
    await c.close();
}


async function english() {
    const c = await context(browser, { locale: 'en-GB' });
    const page = await open(c, 'abierto');
    const values = whole('english');

    is(await page.getAttribute('html', 'lang'), 'en', 'english: lang');
    like(await page.textContent('h1'), /How can we help/, 'english: words');

    await fill(page, values);
    await send(page);
    await stored(await folio(page), values, 'english', { lang: 'en' });
    harmless(c, 'english');
    await c.close();
}


/* every category of the policy, with its answer and documentation */

async function categories(host) {
    const c = await context(browser, { javaScriptEnabled: false });
    const page = await c.newPage();

    for (const category of policy.categories) {
        const name = `${host}, ${category.id}`;
        const values = { category: category.id, subject: subject(category.id),
                         description: 'x', email: 'ana@acme.mx' };

        await page.goto(url(host, `?category=${category.id}`));

        const chosen = page.locator('.q:has(:checked) + div');

        like(await chosen.textContent(),
             new RegExp(category.answer.es.slice(0, 30)
                        .replace(/[.*+?^${}()|[\]\\]/g, '\\$&')),
             `${name}: answered at once`);
        ok(await chosen.isVisible(), `${name}: seen`);
        is(await chosen.locator('a').count(), (category.links || []).length,
           `${name}: its documentation`);

        if (!category.included) {
            ok(await page.isVisible('text=Success Pack'),
               `${name}: a Success Pack is offered`);
        }

        await fill(page, { subject: values.subject, description: 'x',
                           email: values.email });
        await send(page);
        await stored(await folio(page), values, name);
    }

    await c.close();
}


function photo(size) {
    const bytes = crypto.randomBytes(size);

    Buffer.from('ffd8ffe000104a46494600010100000100010000', 'hex')
        .copy(bytes);

    return { name: 'Foto «pantalla» 1.jpg', mimeType: 'image/jpeg',
             buffer: bytes };
}


async function attached(javaScriptEnabled) {
    const name = `a photo, ${javaScriptEnabled ? 'with' : 'without'} script`;
    const c = await context(browser, { javaScriptEnabled });
    const page = await open(c, 'abierto');
    const values = whole(name);
    const files = [photo(3 * 1024 * 1024),
                   { name: 'nota.txt', mimeType: 'text/plain',
                     buffer: Buffer.from('hola\n') }];

    await fill(page, values);
    await page.setInputFiles('[name=attachment]', files);

    if (javaScriptEnabled) {
        await page.evaluate(() => {
            new MutationObserver(list => list.forEach(m =>
                m.addedNodes.forEach(n => {
                    if (n.tagName === 'PROGRESS') {
                        sessionStorage.progress = n.getAttribute('aria-label');
                    }
                }))).observe(document.getElementById('f-form'),
                             { childList: true, subtree: true });
        });
    }

    await send(page);

    const number = await folio(page);

    if (javaScriptEnabled) {
        is(await page.evaluate(() => sessionStorage.progress),
           'Avance del envío', `${name}: progress was shown`);
    }

    await stored(number, values, name);

    const rows = await call('files', number, files.length);

    is(rows.map(r => [r.type, r.size, r.stored === r.said && r.stored]),
       files.map(f => [f.mimeType, f.buffer.length,
                       crypto.createHash('sha256').update(f.buffer)
                           .digest('hex')]), `${name}: byte by byte`);
    harmless(c, name);
    await c.close();
}


/* what is wrong, beside its field, with all that was written */

const mistakes = [
    ['category', undefined, 'Elige un tema de la lista.'],
    ['subject', '', 'Escribe en pocas palabras qué pasa.'],
    ['description', '', 'Cuéntanos qué pasó, para poder ayudarte.'],
    ['email', '', 'Escribe tu correo: ahí te contestaremos.'],
    ['email', 'ana@', 'Revisa el correo: nombre@empresa.mx'],
    ['email', 'ana', 'Revisa el correo: nombre@empresa.mx'],
    ['phone', '¿?', 'Revisa el teléfono: solo números, espacios y +.'],
    ['phone', '5'.repeat(33), 'El teléfono admite hasta 32 caracteres.'],
    ['subject', 'á'.repeat(141),
     'El asunto admite hasta 140 caracteres; el detalle va en la descripción.'],
    ['name', 'n'.repeat(141), 'El nombre admite hasta 140 caracteres.']
];

async function mistaken(javaScriptEnabled) {
    const how = javaScriptEnabled ? 'with' : 'without';
    const c = await context(browser, { javaScriptEnabled });
    const page = await open(c, 'abierto');

    for (const [field, value, message] of mistakes) {
        const name = `${field} ${value === '' ? 'empty' : String(value).slice(0, 9)}, ${how} script`;
        const values = whole('never filed');

        await page.goto(url('abierto'));
        await fill(page, value === undefined ? without(values, field)
                                             : { ...values, [field]: value });
        await send(page);
        await page.waitForSelector(`#e-${field}`);

        is(await page.textContent(`#e-${field}`), message, `${name}: said`);
        is(await page.getAttribute(`#f-${field}`, 'aria-describedby'),
           `e-${field}`, `${name}: beside the field`);
        is(await page.inputValue('[name=description]'),
           field === 'description' ? value : values.description,
           `${name}: the rest is still there`);
        is(await page.locator('.e:not(#say)').count(), 1,
           `${name}: nothing else is wrong`);

        if (javaScriptEnabled) {
            is(await page.evaluate(() => document.activeElement.id),
               `f-${field}`, `${name}: has the focus`);
        }
    }

    /* axe itself is a script */
    if (javaScriptEnabled) {
        is(await violations(page), [], `errors, ${how} script: axe`);
    }

    is(await sideways(page), [], `errors, ${how} script: 360 px`);

    const length = (await page.content()).length;
    ok(length <= limit, `errors, ${how} script: ${length} characters`);

    harmless(c, `mistakes, ${how} script`);
    await c.close();
}


function without(values, name) {
    const { [name]: _, ...rest } = values;

    return rest;
}


/* all at once, as a form that nobody filled in */

async function empty() {
    const c = await context(browser, { javaScriptEnabled: false });
    const page = await open(c, 'abierto');

    await send(page);
    is(await page.locator('p.e:not(#say)').count(), 4, 'empty: four errors');
    is(await page.locator('#errores li').count(), 4, 'empty: and a list');
    await page.click('#errores li:nth-child(2) a');
    is(new URL(page.url()).hash.slice(0, 3), '#f-', 'empty: it leads there');
    await c.close();
}


async function tooFast(javaScriptEnabled) {
    const how = javaScriptEnabled ? 'with' : 'without';
    const c = await context(browser, { javaScriptEnabled });
    const page = await open(c, 'lento');
    const values = whole('too fast');

    await fill(page, values);
    await send(page);
    await page.click('text=Soy una persona: enviar');
    await stored(await folio(page), values, `too fast, ${how} script`,
                 { tenant: 'lento' });
    harmless(c, `too fast, ${how} script`);
    await c.close();
}


async function tenantDown() {
    const c = await context(browser);
    const page = await open(c, 'caido');
    const values = whole('tenant down');

    like(await page.textContent('.h'),
         /No eres tú: tu sistema está sin servicio.*ya lo detectamos/,
         'tenant down: that is said first');
    is(await violations(page), [], 'tenant down: axe');

    await fill(page, values);
    await send(page);

    const number = await folio(page);

    like(await page.textContent('main'), /urgente/, 'tenant down: urgent');
    await stored(number, values, 'tenant down',
                 { tenant: 'caido', urgent: true });

    await page.goto(url('caido', '/estado'));
    is(await page.textContent('h1'), 'Sin servicio', 'tenant down: status');
    is(await violations(page), [], 'tenant down: status, axe');
    harmless(c, 'tenant down');
    await c.close();
}


async function storeDown() {
    const c = await context(browser);
    const page = await open(c, 'abierto');
    const values = whole('PostgreSQL down');

    await call('stop');
    await fill(page, values);
    await send(page);

    const number = await folio(page);

    like(await page.textContent('main'),
         /Está a salvo con nosotros y en camino/, 'PostgreSQL down: said so');
    like(await page.textContent('main'), /Línea 1/,
         'PostgreSQL down: what was written is there');

    await call('start');
    await stored(number, values, 'PostgreSQL down');
    harmless(c, 'PostgreSQL down');
    await c.close();
}


async function twice() {
    for (const javaScriptEnabled of [true, false]) {
        const how = javaScriptEnabled ? 'with' : 'without';
        const c = await context(browser, { javaScriptEnabled });
        const page = await open(c, 'abierto');
        const values = whole('double click');

        await fill(page, values);
        await page.dblclick(button);
        await folio(page);
        is(await call('count', values.subject), 1,
           `double click, ${how} script: one ticket`);
        await c.close();
    }
}


/* back to the form: the same again is the same ticket, a change is not lost */

async function back() {
    const c = await context(browser);
    const page = await open(c, 'abierto');
    const values = whole('back');

    await fill(page, values);
    await send(page);

    const first = await folio(page);

    await page.goBack();
    await page.waitForURL(url('abierto'));

    if (await page.inputValue('[name=subject]') === '') {
        await fill(page, values);
        ok(true, 'back: an empty form');
    } else {
        await send(page);
        is(await folio(page), first, 'back: sent again, the same ticket');
        await page.goBack();
    }

    const other = { ...values, subject: subject('back, changed') };

    await page.goto(url('abierto'));
    is(await page.inputValue('[name=subject]'), '',
       'a new form does not bring back what was sent');
    await fill(page, other);
    await send(page);
    ok(await folio(page) !== first, 'back: another one is another ticket');
    is(await call('count', values.subject), 1, 'back: the first is one');
    harmless(c, 'back');
    await c.close();
}


async function expired() {
    for (const javaScriptEnabled of [true, false]) {
        const how = javaScriptEnabled ? 'with' : 'without';
        const c = await context(browser, { javaScriptEnabled });
        const page = await open(c, 'abierto');
        const values = whole('session expired');

        await fill(page, values);
        await c.clearCookies();
        await send(page);
        await page.waitForSelector('#errores');
        is(await page.inputValue('[name=subject]'), values.subject,
           `session expired, ${how} script: what was written is there`);
        ok(await page.isChecked(`[value=${values.category}]`),
           `session expired, ${how} script: the subject matter, too`);
        await send(page);
        await stored(await folio(page), values,
                     `session expired, ${how} script`);
        harmless(c, `session expired, ${how} script`);
        await c.close();
    }
}


async function offline() {
    const c = await context(browser);
    const page = await open(c, 'abierto');
    const values = whole('offline');

    await fill(page, values);
    await c.setOffline(true);
    await send(page);
    await page.waitForFunction(() => /Sin conexión/.test(
        document.getElementById('say').textContent));
    await c.setOffline(false);
    await page.waitForFunction(() => /Ya hay conexión/.test(
        document.getElementById('say').textContent));

    /* the computer went off and on */
    await page.goto('about:blank');
    await page.goto(url('abierto'));
    ok(await page.isVisible('text=Recuperamos lo que habías escrito.'),
       'offline: the draft is brought back');
    is(await page.inputValue('[name=description]'), values.description,
       'offline: as it was');
    ok(await page.isChecked(`[value=${values.category}]`),
       'offline: with its subject matter');
    is(await violations(page), [], 'a draft: axe');

    /* an answer that is an error */
    await page.route('**/tickets', route => route.fulfill({ status: 503,
        contentType: 'application/problem+json',
        body: JSON.stringify({ detail: 'Llámanos al 800 788 0081.' }) }));
    await send(page);
    await page.waitForFunction(() => /Llámanos al 800/.test(
        document.getElementById('say').textContent));
    is(await page.inputValue('[name=subject]'), values.subject,
       'an error: nothing is lost');
    await page.unroute('**/tickets');

    await send(page);
    await stored(await folio(page), values, 'after an error');
    await page.goto(url('abierto'));
    is(await page.inputValue('[name=subject]'), '',
       'what was sent is no draft');

    await fill(page, { subject: 'a', description: 'b' });
    await page.goto('about:blank');
    await page.goto(url('abierto'));
    await page.click('text=Borrarlo');
    is(await page.inputValue('[name=subject]'), '', 'a draft is discarded');
    await page.goto('about:blank');
    await page.goto(url('abierto'));
    is(await page.inputValue('[name=subject]'), '', '... for good');
    is(c.seen.csp.concat(c.seen.foreign, c.seen.errors), [],
       'offline: nothing is violated');
    await c.close();
}


async function keyboard() {
    const c = await context(browser, { viewport: { width: 320, height: 640 } });
    const page = await open(c, 'abierto');
    const values = whole('keyboard');
    const press = key => page.keyboard.press(key);
    const at = () => page.evaluate(() => {
        const e = document.activeElement, s = getComputedStyle(e);
        const box = e.getBoundingClientRect();
        return { name: e.name || e.className || e.tagName,
                 value: e.value, href: e.getAttribute('href'),
                 ring: s.outlineStyle !== 'none' && parseFloat(s.outlineWidth),
                 seen: box.bottom > 0 && box.top < innerHeight };
    });

    await press('Tab');
    is((await at()).href, '#m', 'keyboard: the skip link comes first');
    ok((await at()).seen, 'keyboard: and is seen');
    await press('Enter');
    await press('Tab');

    for (const [name, value] of [['category', values.category],
        ['subject', values.subject], ['description', values.description],
        ['email', values.email], ['name', values.name],
        ['phone', values.phone]]) {
        let here;

        for (let i = 0; i < 30 && (here = await at()).name !== name; i++) {
            ok(here.ring > 0, `keyboard: ${here.name} has a visible focus`);
            await press('Tab');
        }

        is(here.name, name, `keyboard: ${name} is reached`);

        if (name === 'category') {
            await press('Space');
            for (let i = 0; i < 20 && (await at()).value !== value; i++) {
                await press('ArrowDown');
            }
        } else {
            await page.keyboard.insertText(value);
        }
        await press('Tab');
    }

    for (let i = 0; i < 10 && (await at()).name !== 'BUTTON'; i++) {
        await press('Tab');
    }

    await press('Enter');
    await stored(await folio(page), values, 'keyboard');
    harmless(c, 'keyboard');
    await c.close();
}


/* Enter in a field sends the form, and not the button for thanks */

async function enter() {
    const c = await context(browser);
    const page = await open(c, 'abierto');
    const values = whole('enter');

    await fill(page, values);
    await page.press('[name=subject]', 'Enter');
    await stored(await folio(page), values, 'enter');
    await c.close();
}


async function helped() {
    const name = 'soporte_answers_helped_total';

    for (const javaScriptEnabled of [true, false]) {
        const how = javaScriptEnabled ? 'with' : 'without';
        const c = await context(browser, { javaScriptEnabled });
        const page = await open(c, 'abierto');
        const before = await call('metric', name);

        await fill(page, { category: 'uso' });
        await page.click('text=Sí, gracias');
        await page.waitForURL(/\?gracias=1&category=uso$/);
        ok(await page.isVisible('text=¡Qué bueno que te sirvió!'),
           `helped, ${how} script: thanks`);
        is(await call('metric', name), before + 1,
           `helped, ${how} script: counted`);

        if (javaScriptEnabled) {
            is(await violations(page), [], `helped, ${how} script: axe`);
        }

        harmless(c, `helped, ${how} script`);
        await c.close();
    }
}


/* the pages as they are served, in both schemes and on the narrowest phone */

async function looks() {
    const c = await context(browser, { viewport: { width: 320, height: 640 } });
    const page = await c.newPage();

    for (const path of ['', '?category=visita', '/estado', '/privacidad',
                        '/nothing', '/tickets', '/tickets/SOP-00000-00000']) {
        const answer = await page.goto(url('abierto', path));
        const length = (await answer.body()).length;

        ok(length <= limit, `${path}: ${length} bytes`);
        is(await sideways(page), [], `${path}: 320 px`);

        for (const colorScheme of all ? ['light', 'dark'] : ['dark']) {
            await page.emulateMedia({ colorScheme });
            is(await violations(page), [], `${path}, ${colorScheme}: axe`);
            is(await faint(page), [], `${path}, ${colorScheme}: contrast`);
        }
    }

    harmless(c, 'pages as served');
    await c.close();
}


run(async b => {
    browser = b;
    port = await call('where');
    policy = await call('policy');

    if (process.env.SOPORTE_WALK === 'categories') {
        await categories('abierto');
        await categories('cerrado');
        return;
    }

    await copy();
    await (await inHours(false)).c.close();
    await outOfHours();
    await english();
    await attached(true);
    await attached(false);
    await mistaken(true);
    await mistaken(false);
    await empty();
    await tooFast(true);
    await tooFast(false);
    await tenantDown();
    await storeDown();
    await twice();
    await back();
    await expired();
    await offline();
    await keyboard();
    await enter();
    await helped();
    await looks();
});
