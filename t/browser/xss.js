'use strict';

const http = require('http');

const { all, call, context, is, ok, run } = require('./browser');

const lanes = 6;                    /* tenants that are spoken of at once */
const batch = 150;
const agent = new http.Agent({ keepAlive: true, maxSockets: lanes });

let port, socket;


/*
 * What breaks out of text, an attribute, a comment, an element of raw text,
 * a template or a JSON text, before what runs by itself in many ways.
 */

const breaks = ['', '"', "'", '>', '">', "'>", '</p>', '</title>',
    '</textarea>', '"></textarea>', '</script>', '</style>', '</option>',
    '-->', ']]>', '{{/x}}', '{{{', '&quot;>', '&#34;>', '\\u0022>', '\\">',
    '</label></form>', '</ul></div>', '`>', '"/>', '<!--', '<![CDATA[',
    '</noscript>', '?>'];

const runs = ['<script>alert(1)</script>', '<ScRiPt >alert(1)</sCrIpT>',
    '<script src=//example.com></script>', '<svg onload=alert(1)>',
    '<svg/onload=alert(1)//', '<img src=x onerror=alert(1)>',
    '<img src=`x`onerror=alert(1)>', '<IMG """><SCRIPT>alert(1)</SCRIPT>',
    '<body onload=alert(1)>', '<input autofocus onfocus=alert(1)>',
    '<details open ontoggle=alert(1)>', '<video><source onerror=alert(1)>',
    '<iframe srcdoc="<script>alert(1)</script>">',
    '<iframe src=javascript:alert(1)>', '<a href=javascript:alert(1)>x</a>',
    '<a href="java&#9;script:alert(1)">x</a>', '<base href=//example.com>',
    '<form action=//example.com><button>', '<object data=javascript:alert(1)>',
    '<embed src=javascript:alert(1)>', '<math><mtext><script>alert(1)</script>',
    '<style>@import"//example.com"</style>', '<link rel=stylesheet href=//e.x>',
    '<meta http-equiv=refresh content=0>', '<template><script>alert(1)',
    '<marquee onstart=alert(1)>', ' onmouseover=alert(1) x=',
    ' autofocus onfocus=alert(1) ', ' style=animation:x onanimationend=alert(1)',
    '\u202e<script>alert(1)</script>', '<\u0131mg src=x onerror=alert(1)>',
    '\uff1cscript\uff1ealert(1)', '&lt;script&gt;alert(1)&lt;/script&gt;',
    '&#x3c;script&#x3e;alert(1)', '%3Cscript%3Ealert(1)%3C/script%3E',
    '{{constructor.constructor("alert(1)")()}}', '${alert(1)}'];

const every = [...new Set(breaks.flatMap(b => runs.map(r => b + r)))];

/* "make test" tries each break and each way to run, not each pair */
const payloads = every.filter((_, i) => all || i % 4 === 0);


function ask(method, path, body, headers = {}) {
    const over = path.startsWith('/v1/') ? { socketPath: socket }
                                         : { port, host: '127.0.0.1' };

    return new Promise((resolve, reject) => {
        const request = http.request({ ...over, agent, method, path, headers },
            answer => {
                const parts = [];
                answer.on('data', d => parts.push(d));
                answer.on('end', () => resolve({
                    status: answer.statusCode, headers: answer.headers,
                    text: Buffer.concat(parts).toString() }));
            });

        request.on('error', reject);
        request.end(body);
    });
}


function get(host, path, headers) {
    return ask('GET', path, undefined, { Host: host, ...headers });
}


async function say(host, what, value) {
    const r = await ask('PUT', `/v1/tenants/${host.slice(0, 2)}/${what}`,
                        JSON.stringify(value));

    if (r.status !== 200) {
        throw new Error(`${what}: ${r.status} ${r.text}`);
    }
}


/* the help form, refused and filled in again: all its fields */

async function form(text, lane) {
    const empty = await get(`a${lane}.test`, '/soporte');
    const field = name => empty.text.match(
        new RegExp(`name=${name} value="([^"]*)"`))[1];
    const r = await ask('POST', '/soporte/tickets', new URLSearchParams({
        token: field('token'), nonce: field('nonce'), category: text,
        subject: text, description: text, email: text, name: text,
        phone: text, context: text }).toString(),
    { Host: `a${lane}.test`, 'Content-Type': 'application/x-www-form-urlencoded',
      Cookie: empty.headers['set-cookie'][0].split(';')[0] });

    return r.text;
}


async function ticket(text, lane) {
    const filed = await ask('POST', '/soporte/tickets', JSON.stringify({
        subject: text, description: text, category: 'uso',
        email: 'ana@acme.mx', name: text }),
    { Host: `a${lane}.test`, 'Content-Type': 'application/json' });
    const [path, token] = JSON.parse(filed.text).url.split('?clave=');

    return (await get(`a${lane}.test`, path,
                      { Cookie: `soporte-ticket=${token}` })).text;
}


/* a customer's message under a ticket */

async function message(text, lane) {
    const host = { Host: `f${lane}.test`, 'Content-Type': 'application/json' };
    const filed = await ask('POST', '/soporte/tickets', JSON.stringify({
        subject: 'x', description: 'x', category: 'uso',
        email: 'ana@acme.mx' }), host);
    const [path, token] = JSON.parse(filed.text).url.split('?clave=');
    const r = await ask('POST', `${path}/mensajes?clave=${token}`,
                        JSON.stringify({ message: text }), host);

    if (r.status !== 201) {
        throw new Error(`message: ${r.status} ${r.text}`);
    }

    return (await get(`f${lane}.test`, path,
                      { Cookie: `soporte-ticket=${token}` })).text;
}


/* a maintenance that lies ahead, as the status page announces it */

async function planned(text, lane) {
    const path = `/v1/tenants/g${lane}/maintenances`;
    const at = hours => new Date(Date.now() + hours * 36e5).toISOString()
                        .replace(/\.\d+/, '');
    const r = await ask('POST', path, JSON.stringify({ title: text,
        message: text, starts_at: at(26), ends_at: at(27) }));

    if (r.status !== 201) {
        throw new Error(`maintenances: ${r.status} ${r.text}`);
    }

    const page = await get(`g${lane}.test`, '/soporte/estado');

    await ask('DELETE', `${path}/${JSON.parse(r.text).id}`);

    return page.text;
}


async function status(text, lane) {
    await say(`d${lane}.test`, 'incident', { title: text, message: text });

    return (await get(`d${lane}.test`, '/soporte/estado')).text;
}


async function closed(text, lane) {
    await say(`b${lane}.test`, 'maintenance', { title: text, message: text });

    return (await get(`b${lane}.test`, '/app')).text;
}


async function restore(text, lane) {
    await say(`c${lane}.test`, 'restore', { phase: 'database', message: text });

    return (await get(`c${lane}.test`, '/app')).text;
}


/* what the desk inserts as HTML */

async function desk(text, lane) {
    await say(`e${lane}.test`, 'maintenance', { title: text, message: text });

    const r = await get(`e${lane}.test`, '/api/x', { Accept: 'application/json' });

    return JSON.parse(JSON.parse(JSON.parse(r.text)._server_messages)[0])
               .message;
}


/* elements, the names of their attributes, where they lead */

function skeletons(texts) {
    return texts.map(text => [...new DOMParser()
        .parseFromString(text, 'text/html').querySelectorAll('*')]
        .map(e => e.tagName + [...e.attributes].map(a => ' ' + a.name
            + (/^(href|src|action|formaction)$/.test(a.name)
               ? '=' + a.value.split(/[:?#]/)[0] : '')).sort().join(''))
        .join('\n').replace(/SOP-[\w-]+/g, 'FOLIO'));
}


/* the first element that is not the one of the other page */

function differs(got, expected) {
    const [a, b] = [got, expected].map(s => s.split('\n'));
    const n = a.findIndex((line, i) => line !== b[i]);

    return n < 0 ? `ends before ${b[a.length]}` : `${a[n]} for ${b[n]}`;
}


/* those of the pages that are made otherwise: number and first difference */

async function unlike(page, plain, texts) {
    return (await page.evaluate(skeletons, texts))
        .map((s, n) => [n, s === plain ? '' : differs(s, plain)])
        .filter(([, why]) => why);
}


/* the words of a page in one where nothing forbids a script to run */

async function alive(page, texts) {
    await page.setContent('<!doctype html><body>' + texts.map(text =>
        (text.match(/<main[^]*<\/main>/) || [text])[0]
            .replace(/<script src="\/soporte[^>]*>/g, '')).join('<hr>'));

    await page.evaluate(() => document.querySelectorAll('*').forEach(e => {
        for (const name of ['focus', 'mouseover', 'toggle', 'error', 'load']) {
            e.dispatchEvent(new Event(name));
        }
    }));
}


async function field(browser, name, show) {
    const c = await context(browser);
    const page = await c.newPage();
    let plain;

    /* words that no field takes for a telephone, as it takes no payload */
    /* an incident's words before the last are shown, too */
    for (let i = 0; i < 7 * lanes; i++) {
        plain = await show(`ñ${i}`, i % lanes);
    }

    ok(plain.includes(`ñ${7 * lanes - 1}`), `${name}: it is shown`);

    [plain] = await page.evaluate(skeletons, [plain]);

    let wrong = [], seen = 0;

    for (let i = 0; i < payloads.length; i += batch) {
        const texts = [];

        await Promise.all([...Array(lanes).keys()].map(async lane => {
            for (let n = i + lane; n < i + batch && n < payloads.length;
                 n += lanes) {
                texts[n - i] = await show(payloads[n], lane);
            }
        }));

        let odd = await unlike(page, plain, texts);

        /* a minute later a page may have more to say, with any words */
        if (odd.length) {
            const again = [];

            for (const [n] of odd) {
                again.push(await show(payloads[i + n], n % lanes));
            }

            [plain] = await page.evaluate(skeletons,
                                          [await show('ñ', i % lanes)]);
            odd = (await unlike(page, plain, again))
                  .map(([n, why]) => [odd[n][0], why]);
        }

        seen += texts.length;
        wrong.push(...odd.map(([n, why]) => `${payloads[i + n]}: ${why}`));

        await alive(page, texts);
    }

    is(wrong.slice(0, 5), [], `${name}: ${seen} payloads, elements as with x`);
    ok(seen >= (all ? 1000 : 250), `${name}: enough of them`);
    is([c.seen.dialogs, c.seen.foreign], [[], []], `${name}: no script ran`);
    await c.close();
}


/* a page that escapes nothing is seen by both who look */

async function broken(browser) {
    const c = await context(browser);
    const page = await c.newPage();
    const show = t => `<main><p title="${t}">${t}</p></main>`;
    const [plain] = await page.evaluate(skeletons, [show('x')]);
    const bad = (await page.evaluate(skeletons, payloads.map(show)))
                .filter(s => s !== plain).length;

    ok(bad > payloads.length / 2, `planted: ${bad} change the document`);
    await alive(page, runs.map(show));
    ok(c.seen.dialogs.length > 5, 'planted: scripts run');
    await c.close();
}


run(async browser => {
    port = await call('where');
    socket = await call('control');

    /* a tenant is spoken of once it was asked for */
    for (const name of 'abcdefg') {
        for (let lane = 0; lane < lanes; lane++) {
            await get(`${name}${lane}.test`, '/soporte/estado.json');
        }
    }

    await broken(browser);
    await field(browser, 'help form', form);
    await field(browser, 'ticket', ticket);
    await field(browser, 'message', message);
    await field(browser, 'incident', status);
    await field(browser, 'maintenance', closed);
    await field(browser, 'planned maintenance', planned);
    await field(browser, 'restore', restore);
    await field(browser, 'desk dialog', desk);
    agent.destroy();
});
