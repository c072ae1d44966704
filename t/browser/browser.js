'use strict';
/*
 * What the browser tests stand on: Debian's Chromium, TAP, and the words to
 * the Perl test that started us (Soporte::Browser) and owns the servers.
 */

const fs = require('fs');
const path = require('path');
const readline = require('readline');

const top = path.resolve(__dirname, '../..');
const modules = path.join(top, 'build/browser/node_modules');

const { chromium } = require(path.join(modules, 'playwright-core'));
const axe = fs.readFileSync(path.join(modules, 'axe-core/axe.min.js'), 'utf8');

/* all that can be looked at, or what fits into "make test" */
const all = !!process.env.SOPORTE_BROWSER_ALL;

const waiting = [];
const lines = readline.createInterface({ input: process.stdin });

lines.on('line', line => waiting.shift()(JSON.parse(line)));
lines.on('close', () => process.exit(2));    /* the test is gone */


/* asks the Perl test for something: a command by name and its arguments */

async function call(name, ...args) {
    const answer = await new Promise(resolve => {
        waiting.push(resolve);
        process.stdout.write('\u0001' + JSON.stringify([name, ...args]) + '\n');
    });

    if (answer.error) {
        throw new Error(`${name}: ${answer.error}`);
    }

    return answer.value;
}


function note(text) {
    for (const line of String(text).split('\n')) {
        process.stdout.write('# ' + line + '\n');
    }
}


function ok(good, name, why) {
    process.stdout.write(`${good ? 'ok' : 'not ok'} - `
                         + name.replace(/[\n#]/g, ' ') + '\n');
    if (!good && why !== undefined) {
        note(typeof why === 'string' ? why : JSON.stringify(why, null, 1));
    }

    return good;
}


function is(got, expected, name) {
    const [a, b] = [got, expected].map(v => JSON.stringify(v));

    return ok(a === b, name, `got ${a}\nexpected ${b}`);
}


function like(got, pattern, name) {
    return ok(pattern.test(got), name, `got ${JSON.stringify(got)}\n`
                                       + `expected ${pattern}`);
}


async function launch() {
    return chromium.launch({
        executablePath: process.env.SOPORTE_CHROMIUM || '/usr/bin/chromium',
        /* root has no sandbox there; GPU and its shaders are not tested */
        args: ['--disable-gpu', '--disable-dev-shm-usage',
               ...(process.getuid() ? [] : ['--no-sandbox'])]
    });
}


/*
 * A context that keeps count of what no page of ours may do: break its
 * Content-Security-Policy, ask another host, throw, open a dialog.
 * Options are Playwright's.
 */

async function context(browser, options = {}) {
    const c = await browser.newContext({ viewport: { width: 360, height: 740 },
                                         locale: 'es-MX', ...options });
    const seen = { csp: [], foreign: [], errors: [], dialogs: [] };

    c.seen = seen;
    c.setDefaultTimeout(15000);

    if (options.javaScriptEnabled !== false) {
        await c.exposeBinding('soporteCsp', (_, text) => seen.csp.push(text));
        await c.addInitScript(() => {
            addEventListener('securitypolicyviolation', e => soporteCsp(
                `${e.effectiveDirective} ${e.blockedURI} ${e.sample}`), true);
        });
    }

    c.on('request', request => {
        const url = new URL(request.url());
        if (!/^(data|blob|about):$/.test(url.protocol)
            && !/^(127\.0\.0\.1|localhost|.*\.localhost|.*\.test)$/
                .test(url.hostname)) {
            seen.foreign.push(request.url());
        }
    });

    c.on('page', page => {
        page.on('pageerror', e => seen.errors.push(String(e)));
        page.on('dialog', d => {
            seen.dialogs.push(d.message());
            d.dismiss().catch(() => {});
        });
        page.on('console', m => {
            if (/Content.Security.Policy/i.test(m.text())) {
                seen.csp.push(m.text());
            }
        });
    });

    return c;
}


/* the four that are 0 in every test */

function harmless(c, name) {
    is(c.seen, { csp: [], foreign: [], errors: [], dialogs: [] },
       `${name}: no violation, foreign request, error or dialog`);
}


/* axe's violations of a page as it stands, one line each */

async function violations(page, rules = {}, part = 'html') {
    await page.evaluate(axe);

    return page.evaluate(options => axe.run(options.part, options).then(result =>
        result.violations.flatMap(v => v.nodes.map(n =>
            `${v.id}: ${n.target} ${n.failureSummary.split('\n')[1] || ''}`))),
    { part, resultTypes: ['violations'], rules,
      runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa',
                'best-practice'] });
}


/*
 * Text whose color is too near to its background, by the formulas of WCAG:
 * axe says nothing where a pattern is drawn behind.
 */

async function faint(page) {
    return page.evaluate(() => {
        const channels = color => (color.match(/[\d.]+/g) || []).map(Number);
        const light = ([r, g, b]) => {
            const f = v => (v /= 255) <= 0.04045 ? v / 12.92
                                                 : ((v + 0.055) / 1.055) ** 2.4;
            return 0.2126 * f(r) + 0.7152 * f(g) + 0.0722 * f(b);
        };
        const behind = e => {
            for (; e; e = e.parentElement) {
                const c = channels(getComputedStyle(e).backgroundColor);
                if (c.length === 3 || c[3] > 0) {
                    return c;
                }
            }
            return [255, 255, 255];
        };
        const out = [];
        const walk = document.createTreeWalker(document.body, 4);
        for (let n; (n = walk.nextNode());) {
            const e = n.parentElement, s = getComputedStyle(e);
            if (!n.data.trim() || !e.getClientRects().length
                || /^(SCRIPT|STYLE|NOSCRIPT)$/.test(e.tagName)
                || parseFloat(s.textIndent) > 99) {
                continue;
            }
            const [a, b] = [light(channels(s.color)), light(behind(e))]
                           .sort((x, y) => y - x);
            const ratio = (a + 0.05) / (b + 0.05);
            if (ratio < 4.5) {
                out.push(`${ratio.toFixed(2)} ${n.data.trim().slice(0, 40)}`);
            }
        }
        return out;
    });
}


/* what sticks out of the window at the side */

async function sideways(page) {
    return page.evaluate(() => {
        const wide = document.documentElement.clientWidth;

        if (document.documentElement.scrollWidth <= wide) {
            return [];
        }

        return [...document.body.querySelectorAll('*')]
            .filter(e => e.getBoundingClientRect().right > wide + 0.5)
            .map(e => `${e.tagName}.${e.className} ${e.textContent.trim()
                                                      .slice(0, 40)}`)
            .concat(['the page scrolls']);
    });
}


/* what was seen when a test broke off: build/tests/browser-N.png */

async function pictures(browser) {
    let n = 0;

    for (const c of browser.contexts()) {
        for (const page of c.pages()) {
            const file = path.join(top, `build/tests/browser-${++n}.png`);

            await page.screenshot({ path: file, fullPage: true })
                      .then(() => note(`${page.url()}: ${file}`), note);
        }
    }
}


/* runs a test and ends it, however it ends */

function run(test) {
    (async () => {
        const browser = await launch();

        try {
            await test(browser);
        } catch (e) {
            ok(false, 'the test ran to its end', e.stack);
            await pictures(browser);
        }

        await browser.close();
        process.stdout.write('\u0001["done"]\n', () => process.exit(0));
    })().catch(e => {
        ok(false, 'Chromium ran', e.stack);
        process.exitCode = 1;
        lines.close();
    });
}


module.exports = { all, top, call, note, ok, is, like, launch, context,
                   harmless, violations, faint, sideways, run };
