// What the browser tests share: headless Chromium, widths, an ear for everything that goes wrong on a page, and the
// questions that are asked of every page. Members and their posts are made by the client of the HTTP tests, because
// that is quick; what is being tested is then done in the browser.
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { chromium } from 'playwright-core';
import { BASE, check, equal, until } from '../http/lib.mjs';

export * from '../http/lib.mjs';

export const PHONE = { width: 360, height: 740 };
export const DESKTOP = { width: 1280, height: 800 };
export const DEMO_PASSWORD = 'harbour-lantern-42';

const require = createRequire(import.meta.url);
const axe = await readFile(require.resolve('axe-core/axe.min.js'), 'utf8');
const tags = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'];
const flags = ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
    '--disable-component-update', '--disable-sync'];

export function launch() {
    return chromium.launch({ executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', args: flags });
}

/** A browser's window: phone or desktop, with or without script, signed in with the cookies of a client when one is given. */
export async function open(browser, { viewport = DESKTOP, script = true, client, ...options } = {}) {
    const phone = viewport.width < 640;
    const context = await browser.newContext({ viewport, baseURL: BASE, javaScriptEnabled: script, reducedMotion: 'reduce', locale: 'en-GB',
        timezoneId: 'Europe/Berlin', ...(phone ? { hasTouch: true, isMobile: true } : {}), ...options });
    context.setDefaultTimeout(20000);
    context.withoutScript = !script;
    if (client)
        await context.addCookies([...client.cookies].map(([name, value]) => ({ name, value, url: BASE })));
    return context;
}

/** A click in the middle of the window, where no bar lies over it. */
export async function tap(locator) {
    await locator.evaluate((e) => e.scrollIntoView({ block: 'center' }));
    await locator.click();
}

/** Scrolls down until a list whose pager that is has no further page, and the address is that of its last: the script sets it a
 * moment after one has scrolled. */
export async function scrollToEnd(page, pager) {
    await until(async () => {
        await page.evaluate('scrollTo(0, document.body.scrollHeight)');
        return await page.locator(`${pager} [rel=next]`).count() === 0 &&
            page.url() === await page.locator('[data-page]').last().getAttribute('data-page');
    }, 'the end of a list, and its address');
}

/** Collects what goes wrong on a page: page.problems, emptied by whoever has looked at it. The status of the document itself is
 * not among them: a page of an error is a page. */
export function listen(page) {
    page.problems = [];
    const say = (text) => page.problems.push(text);
    page.on('console', (m) => {
        const document = m.location().url.replace(/#.*/, '') === page.url().replace(/#.*/, '') && /Failed to load resource/.test(m.text());
        if (['error', 'warning'].includes(m.type()) && !document)
            say(`console: ${m.text()} ${m.location().url}`);
    });
    page.on('pageerror', (e) => say(`script: ${e.message}`));
    page.on('dialog', (d) => {
        say(`dialog: ${d.message()}`);
        d.dismiss().catch(() => {});
    });
    page.on('request', (r) => {
        if (!r.url().startsWith(`${BASE}/`) && !r.url().startsWith('data:'))
            say(`another host: ${r.url()}`);
    });
    page.on('requestfailed', (r) => {
        if (r.failure()?.errorText !== 'net::ERR_ABORTED')
            say(`failed: ${r.url()}: ${r.failure()?.errorText}`);
    });
    page.on('response', (r) => {
        if (r.status() >= 400 && !r.request().isNavigationRequest())
            say(`${r.status()}: ${r.url()}`);
    });
    return page;
}

export async function newPage(context) {
    return listen(await context.newPage());
}

/** Writes a post, or a comment to the one at an address, by the form; gives the new one's address. */
export async function write(client, text, fields = {}, to) {
    const form = (await client.get(to ? `/compose?in_reply_to=${to.split('/').pop()}` : '/compose')).form('/posts');
    const answer = await client.submit(form, { text, return_to: undefined, ...fields }, { follow: false });
    if (answer.status !== 303)
        throw new Error(`not posted: ${answer.status} ${answer.text.slice(0, 300)}`);
    return answer.location.replace(/#.*/, '');
}

/** What axe-core finds, as lines; nothing is the right answer. rules: only these. */
export async function axeFinds(page, { rules } = {}) {
    if (!await page.evaluate('typeof axe !== "undefined"')) {
        // It waits with timers, and these stand still where script is off.
        if (page.context().withoutScript)
            await page.evaluate('globalThis.setTimeout = (f) => { Promise.resolve().then(f); return 0; }');
        await page.evaluate(axe);
    }
    const found = await page.evaluate((runOnly) => globalThis.axe.run(document, { runOnly, resultTypes: ['violations'], preload: false }),
        rules ? { type: 'rule', values: rules } : { type: 'tag', values: tags });
    return found.violations.flatMap((v) => v.nodes.map((n) => `${v.id}: ${n.target.join(' ')}: ${n.failureSummary.split('\n')[1]?.trim()}`));
}

/** Elements that stick out sideways of the page, or of the window when the page does. */
export function overflow(page) {
    return page.evaluate(() => {
        const width = document.documentElement.clientWidth;
        if (document.documentElement.scrollWidth <= width && document.body.scrollWidth <= width)
            return [];
        const out = [...document.querySelectorAll('body *')].filter((e) => {
            const box = e.getBoundingClientRect();
            return box.width > 0 && (box.right > width + 0.5 || box.left < -0.5) && getComputedStyle(e).position !== 'fixed';
        });
        return [`${document.documentElement.scrollWidth} > ${width}`, ...out.slice(0, 5).map((e) => `${e.tagName} ${e.className} ${e.id}`)];
    });
}

/** Words that are cut off although nothing says so with an ellipsis, and buttons that lie over one another. */
export function layoutFaults(page) {
    return page.evaluate(() => {
        const faults = [], name = (e) => `${e.tagName.toLowerCase()}.${e.className} "${e.textContent.trim().slice(0, 40)}"`;
        const seen = (e) => e.checkVisibility({ opacityProperty: true, visibilityProperty: true }) && !e.closest('.v, .skip') &&
            e.getClientRects().length > 0 && getComputedStyle(e).clipPath === 'none';
        for (const e of document.querySelectorAll('main button, main a, main h1, main h2, main p, main label, main summary, nav a')) {
            const style = getComputedStyle(e);
            if (seen(e) && style.overflowX !== 'visible' && style.textOverflow !== 'ellipsis' && e.scrollWidth > e.clientWidth + 1 &&
                style.overflowX === 'hidden')
                faults.push(`cut off: ${name(e)}`);
        }
        const pressed = [...document.querySelectorAll('main button, main select, main input:not([type=hidden]), main .button, main .quiet')]
            .filter((e) => seen(e) && !e.closest('.peek, details:not([open]), .menu'))
            .map((e) => ({ e, box: e.getBoundingClientRect() }));
        for (let i = 0; i < pressed.length; i++)
            for (let k = i + 1; k < pressed.length; k++) {
                const [a, b] = [pressed[i].box, pressed[k].box];
                if (a.left < b.right - 1 && b.left < a.right - 1 && a.top < b.bottom - 1 && b.top < a.bottom - 1)
                    faults.push(`one over the other: ${name(pressed[i].e)} and ${name(pressed[k].e)}`);
            }
        return faults;
    });
}

/** What is asked of every page, however it is shown. */
export async function inspect(page, name) {
    const is = await page.evaluate(() => ({ h1: document.querySelectorAll('h1').length, main: document.querySelectorAll('main').length,
        lang: document.documentElement.lang, title: document.title, words: document.querySelector('h1')?.textContent.trim(),
        style: [...document.styleSheets].length, ids: [...document.querySelectorAll('[id]')].map((e) => e.id) }));
    equal(`${name}: one h1, one main`, [is.h1, is.main], [1, 1]);
    check(`${name}: title, language, heading`, is.title && is.lang && is.words, JSON.stringify(is));
    equal(`${name}: ids are unique`, is.ids.filter((id, i) => is.ids.indexOf(id) !== i), []);
    nothing(`${name}: nothing sticks out`, await overflow(page));
    nothing(`${name}: nothing is cut off or covered`, await layoutFaults(page));
}

/** One check: the list is empty. */
export function nothing(name, lines) {
    return check(name, lines.length === 0, lines.slice(0, 6).join(' | ') + (lines.length > 6 ? ` | and ${lines.length - 6} more` : ''));
}

/** Nothing was said on the page since the last time. */
export function silent(page, name) {
    nothing(`${name}: no error, no other host, no failed request`, page.problems.splice(0));
}

/** Runs jobs, so many at a time. */
export async function together(n, jobs) {
    const rest = [...jobs];
    await Promise.all(Array.from({ length: n }, async () => {
        for (let job; (job = rest.shift());)
            await job();
    }));
}
