// Reading: posts come by themselves to the very end without a hole or a repeat, each page keeps its address, the back button
// leads to where one was; long texts fold; light and dark, language and direction as one chooses.
// harness: set rate_limits = no
import { readFile } from 'node:fs/promises';
import { DESKTOP, PHONE, axeFinds, check, equal, finish, inspect, launch, member, newPage, nothing, open, overflow, part, scrollToEnd, silent, until, write } from './lib.mjs';

const POSTS = 70;
let author, reader;
const ids = (page) => page.locator('.feed > article').evaluateAll((all) => all.map((e) => e.id));

async function setUp() {
    author = await member('author', { name: 'An Author' });
    reader = await member('reader', { name: 'A Reader' });
    for (let i = 1; i <= POSTS; i++)
        await write(author, `Post number ${i} of ${POSTS}. ${'It has some words to fill its lines. '.repeat(i % 4)}`);
    const id = /\/members\/(\d+)\//.exec((await reader.get('/@author')).html)[1];
    await reader.act(`/members/${id}/follow`);
}

// ---- Scrolling -------------------------------------------------------------------------------------------------------

async function endless(browser, path, viewport) {
    const context = await open(browser, { viewport, client: reader });
    const page = await newPage(context);
    await page.goto(path);
    equal(`${path}: a page has twenty`, (await ids(page)).length, 20);
    await scrollToEnd(page, '.feed > .pager');
    const all = await ids(page);
    equal(`${path}: all of them, none twice`, [all.length, new Set(all).size], [POSTS, POSTS]);
    equal(`${path}: in order`, await page.locator('.feed > article .tx').evaluateAll((e) => e.map((t) => +/number (\d+)/.exec(t.textContent)[1])),
        Array.from({ length: POSTS }, (_, i) => POSTS - i));
    check(`${path}: the address is that of a further page`, /[?&]max_id=\d+/.test(page.url()), page.url());
    equal(`${path}: ids are unique`, await page.evaluate(() => { const a = [...document.querySelectorAll('[id]')].map((e) => e.id); return a.length - new Set(a).size; }), 0);
    silent(page, path);
    const here = page.url();
    await page.evaluate('document.querySelector(".feed > article:nth-of-type(52) .at").scrollIntoView({ block: "center" })');
    await until(() => page.url() !== here, 'the address of an earlier page');
    const read = await page.locator('.feed > article:nth-of-type(52)').getAttribute('id');
    await page.locator('.feed > article:nth-of-type(52) .at').click();
    await page.locator('.focus').waitFor();
    await page.goBack();
    await page.locator(`#${read}`).waitFor({ state: 'attached' });
    await until(() => page.locator(`#${read}`).evaluate((e) => {
        const box = e.getBoundingClientRect();
        return box.top > -innerHeight && box.top < 2 * innerHeight;
    }), `${path}: the way back to where one was`);
    await page.goto(here);
    equal(`${path}: the address works by itself`, await page.locator('h1').count(), 1);
    check(`${path}: and leads back to the newest`, await page.getByRole('main').getByRole('link', { name: /newe/i }).count() > 0);
    nothing(`${path}: axe on a further page`, await axeFinds(page));
    await inspect(page, `${path}: a further page`);
    page.problems.length = 0;
    await context.close();
}

// Without script the same by links.
async function paging(browser, path) {
    const context = await open(browser, { viewport: PHONE, script: false, client: reader });
    const page = await newPage(context);
    const seen = [];
    await page.goto(path);
    for (let i = 0; i < 10; i++) {
        seen.push(...await ids(page));
        const next = page.locator('.pager [rel=next]');
        if (await next.count() === 0)
            break;
        await next.evaluate((e) => e.scrollIntoView({ block: 'center' }));
        await next.click();
        await page.waitForLoadState();
    }
    equal(`${path} by links: all of them, none twice`, [seen.length, new Set(seen).size], [POSTS, POSTS]);
    const back = page.locator('.pager [rel=prev], .up a').first();
    await back.evaluate((e) => e.scrollIntoView({ block: 'center' }));
    await back.click();
    await page.waitForLoadState();
    check(`${path} by links: and back`, (await ids(page)).length > 0);
    silent(page, `${path} by links`);
    await context.close();
}

// ---- Long posts ------------------------------------------------------------------------------------------------------

async function folding(browser, script) {
    await write(author, Array.from({ length: 40 }, (_, i) => `Paragraph ${i + 1} of a long report.`).join('\n\n'));
    const context = await open(browser, { viewport: PHONE, script, client: reader });
    const page = await newPage(context);
    const name = `a long post ${script ? '' : 'without script'}`;
    await page.goto('/');
    const post = page.locator('.feed > article').first(), text = post.locator('.tx'), fold = post.locator('.fold summary');
    const low = (await text.boundingBox()).height;
    check(`${name} is folded`, low < 420, low);
    await fold.evaluate((e) => e.scrollIntoView({ block: 'center' }));
    await fold.click();
    check(`${name} unfolds`, (await text.boundingBox()).height > 1200);
    await fold.evaluate((e) => e.scrollIntoView({ block: 'center' }));
    await fold.click();
    await until(async () => Math.round((await text.boundingBox()).height) === Math.round(low), `${name} that is folded again`);
    if (script)
        check(`${name} stays in sight then`, await post.evaluate((e) => { const b = e.getBoundingClientRect(); return b.top < innerHeight && b.bottom > 0; }));
    await context.close();
}

// ---- Choices ---------------------------------------------------------------------------------------------------------

const ground = (page) => page.evaluate(() => getComputedStyle(document.body).backgroundColor.match(/\d+/g).map(Number).reduce((a, b) => a + b) / 3);

async function themes(browser) {
    const context = await open(browser, { client: reader });
    const page = await newPage(context);
    for (const [theme, scheme, dark] of [['Dark', 'light', true], ['Light', 'dark', false], ['As my device', 'dark', true], ['As my device', 'light', false]]) {
        await page.emulateMedia({ colorScheme: scheme });
        await page.goto('/settings/appearance');
        await page.getByLabel(theme, { exact: true }).check();
        await page.getByRole('button', { name: 'Save' }).click();
        await page.getByRole('status').first().waitFor();
        for (const path of ['/settings/appearance', '/', '/@author']) {
            await page.goto(path);
            equal(`${theme} on a device that is ${scheme}: ${path}`, await ground(page) < 128, dark);
        }
        if (dark)
            nothing(`${theme}: axe`, await axeFinds(page));
    }
    silent(page, 'themes');
    await context.close();
}

// Where there is a translation, it is what a browser that asks for it gets.
async function languages(browser) {
    const po = await readFile(`${process.env.TEST_ROOT ?? '.'}/templates/locale/de.po`, 'utf8').catch(() => '');
    const german = (po.match(/^msgstr(\[0\])? "."*/gm) ?? []).length > 200 && !/^msgid "Log in"\nmsgstr ""$/m.test(po);
    const context = await open(browser, { viewport: PHONE, locale: 'de-DE' });
    const page = await newPage(context);
    for (const path of ['/', '/login', '/signup', '/about', '/directory', '/nowhere', '/@author']) {
        await page.goto(path);
        equal(`${path}: the language it is in`, await page.evaluate('document.documentElement.lang'), german ? 'de' : 'en');
        if (german)
            check(`${path}: is German`, /Anmelden|Registrieren/.test(await page.locator('body').innerText()));
        await inspect(page, `${path} de`);
        nothing(`${path} de: axe`, await axeFinds(page));
    }
    await context.close();
    if (!german)
        return;
    const mine = await open(browser, { viewport: PHONE, client: reader, locale: 'de-DE' });
    const own = await newPage(mine);
    for (const path of ['/', '/@author', '/network', '/settings/profile', '/settings/account', '/settings/privacy', '/settings/appearance', '/settings/sessions', '/compose', '/bookmarks'])
        for (const viewport of [PHONE, DESKTOP]) {
            await own.setViewportSize(viewport);
            await own.goto(path);
            await inspect(own, `${path} de ${viewport.width}`);
        }
    await own.goto('/settings/appearance');
    await own.locator('#language').selectOption('en');
    await own.locator('main form button').last().click();
    await own.getByRole('status').first().waitFor();
    equal('what one chose is stronger than the browser', await own.evaluate('document.documentElement.lang'), 'en');
    await mine.close();
}

// A right-to-left page is the mirror of the other.
async function mirrored(browser) {
    const context = await open(browser, { client: reader });
    const page = await newPage(context);
    for (const viewport of [PHONE, DESKTOP])
        for (const path of ['/', '/@author', '/settings/profile', '/settings/privacy', '/network', '/directory', '/settings/sessions', '/local']) {
            await page.setViewportSize(viewport);
            await page.goto(path);
            const places = () => page.evaluate(() => ['.brand', '.places', '.frame > .left', 'main', '.feed article .av', '.members .does', '.tools button', '.desk > .links']
                .map((s) => document.querySelector(s)).map((e) => {
                    const box = e?.getBoundingClientRect();
                    return box && box.width > 0 ? [Math.round(box.left), Math.round(innerWidth - box.right)] : null;
                }));
            const before = await places();
            await page.evaluate('document.documentElement.dir = "rtl"');
            const after = await places(), name = `${path} ${viewport.width} mirrored`;
            nothing(`${name}: nothing sticks out`, await overflow(page));
            check(name, before.every((b, i) => b === null || (Math.abs(b[0] - after[i][1]) < 24 && Math.abs(b[1] - after[i][0]) < 24)), JSON.stringify([before, after]));
        }
    await context.close();
}

// Between the widths, and twice as large: that is as if the window were half as wide.
async function zoomed(browser) {
    const context = await open(browser, { viewport: { width: 640, height: 400 }, client: reader });
    const page = await newPage(context);
    for (const path of ['/', '/@author', '/settings/profile', '/directory', '/admin/members'])
        for (const width of [768, 640, 320]) {
            await page.setViewportSize({ width, height: 640 });
            await page.goto(path);
            await inspect(page, `${path} ${width}`);
        }
    await context.close();
}

await part('set-up', setUp);
const browser = await launch();
for (const [path, viewport] of [['/', PHONE], ['/@author', DESKTOP], ['/local', DESKTOP]])
    await part(path, () => endless(browser, path, viewport));
for (const path of ['/', '/@author'])
    await part(`${path} by links`, () => paging(browser, path));
for (const script of [true, false])
    await part('folding', () => folding(browser, script));
for (const step of [themes, languages, mirrored, zoomed])
    await part(step.name, () => step(browser));
await browser.close();
await finish();
