// With the keyboard alone: a way past the navigation, everything reachable in order and seen where it is, no trap, the focus kept
// when something changes in place. And what a script adds to forms: the field grows, no draft is lost.
// harness: set rate_limits = no
import { DEMO_PASSWORD, DESKTOP, PHONE, check, deeplink, equal, finish, launch, logIn, newPage, nothing, open, part, silent, write } from './lib.mjs';

/** The element that has the focus, and what a reader sees of that. */
function focused(page) {
    return page.evaluate(() => {
        const e = document.activeElement, box = e.getBoundingClientRect(), style = getComputedStyle(e);
        const marks = (s) => (s.outlineStyle !== 'none' && parseFloat(s.outlineWidth) > 0) || s.boxShadow !== 'none';
        const [x, y] = [box.left + box.width / 2, box.top + box.height / 2];
        // A label or a summary may lie over its field, a link over its picture: all within one another is well.
        const top = document.elementsFromPoint(Math.max(0, Math.min(x, innerWidth - 1)), Math.max(0, Math.min(y, innerHeight - 1)))[0];
        // A composer is marked as a whole.
        const marked = marks(style) || (e.tagName === 'TEXTAREA' && marks(getComputedStyle(e.closest('form'))));
        return { tag: e.tagName, name: (e.getAttribute('aria-label') || e.textContent || e.name || '').trim().slice(0, 40), id: e.id,
            path: [...document.querySelectorAll('*')].indexOf(e), marked, body: e === document.body,
            seen: box.bottom > 0 && box.top < innerHeight && box.width > 0, covered: !(top && (e.contains(top) || top.contains(e))) };
    });
}

/** Tabs through a whole page: the elements in their order. */
async function walk(page, name, { most = 400 } = {}) {
    const stops = [], faults = [];
    for (let i = 0; i < most; i++) {
        await page.keyboard.press('Tab');
        const here = await focused(page);
        if (here.body || (stops.length > 1 && here.path === stops[0].path))
            break;
        if (!here.marked)
            faults.push(`not marked: ${here.tag} ${here.name}`);
        if (!here.seen || here.covered)
            faults.push(`${here.seen ? 'covered' : 'out of sight'}: ${here.tag} ${here.name}`);
        stops.push(here);
    }
    check(`${name}: no trap`, stops.length < most && stops.length > 3, stops.length);
    nothing(`${name}: the focus is always seen`, faults);
    equal(`${name}: no stop twice`, stops.filter((s, i) => stops.findIndex((o) => o.path === s.path) !== i).map((s) => s.name), []);
    return stops;
}

async function walks(browser, viewport, client) {
    const width = viewport === PHONE ? 'phone' : 'desktop';
    const context = await open(browser, { viewport, client });
    const page = await newPage(context);
    for (const path of client ? ['/', '/@kofi', '/settings/profile', '/settings/privacy', '/network'] : ['/', '/login', '/signup', '/local'])
        await part(`${path} ${width}`, async () => {
            await page.goto(path);
            // A page may put the focus where one begins to write; this walk begins at the top.
            await page.evaluate('document.activeElement.blur()');
            const stops = await walk(page, `${path} ${width}`);
            equal(`${path} ${width}: first comes the way past the navigation`, stops[0].name, 'Skip to the content');
            silent(page, path);
        });
    await context.close();
}

// ---- Acting ----------------------------------------------------------------------------------------------------------

async function tabTo(page, wanted, most = 120) {
    for (let i = 0; i < most; i++) {
        await page.keyboard.press('Tab');
        if (await page.evaluate((selector) => document.activeElement.matches(selector), wanted))
            return true;
    }
    throw new Error(`the keyboard does not get to ${wanted}`);
}

const has = (page, selector) => page.evaluate((s) => document.activeElement.matches(s), selector);

async function acting(page) {
    await page.goto('/');
    await page.keyboard.press('Tab');
    await page.keyboard.press('Enter');
    check('the skip link leads into the page', await has(page, 'main'));
    await tabTo(page, '#text');
    await page.keyboard.type('By keyboard alone');
    await tabTo(page, '.composer button');
    await page.keyboard.press('Enter');
    await page.getByText('Your post is out').waitFor();
    check('a post is written', await page.locator('.feed article').first().evaluate((e) => e.textContent.includes('By keyboard alone')));

    await tabTo(page, '.feed article:nth-of-type(2) button[formaction$="/like"]');
    const post = page.locator('.feed article').nth(1);
    const address = await post.locator('button[formaction$="/like"]').getAttribute('formaction');
    await page.keyboard.press('Space');
    await post.locator('button[formaction$="/unlike"]').waitFor();
    check('the focus stays on the button', await has(page, `[formaction="${address.replace('like', 'unlike')}"]`));
    await page.keyboard.press('Space');
    await post.locator('button[formaction$="/like"]').waitFor();
    check('and takes the like back', await has(page, `[formaction="${address}"]`));
    await page.keyboard.press('Tab');
    check('the next one is the next button', await has(page, '[formaction$="/bookmark"]'));
}

async function menus(page) {
    await page.goto('/');
    await tabTo(page, '.me > summary');
    await page.keyboard.press('Enter');
    check('a menu opens', await page.locator('.me').evaluate((e) => e.open));
    await page.keyboard.press('Tab');
    check('its first entry comes next', await has(page, '.me a'));
    await page.keyboard.press('Escape');
    equal('Escape closes it and goes back to its button', [await page.locator('.me').evaluate((e) => e.open), await has(page, '.me > summary')], [false, true]);
    await page.keyboard.press('Enter');
    await page.mouse.click(640, 500);
    check('a click elsewhere closes it', !await page.locator('.me').evaluate((e) => e.open));
    await page.goto('/@ada');
    await tabTo(page, 'article .menu summary');
    await page.keyboard.press('Enter');
    await tabTo(page, 'article .menu button[formaction$="/pin"]');
    await page.keyboard.press('Enter');
    await page.locator('article .menu button[formaction$="/unpin"]').first().waitFor({ state: 'attached' });
    check('the focus is on the menu that was used', await has(page, 'article .menu summary'));
}

// ---- Forms -----------------------------------------------------------------------------------------------------------

async function drafts(page) {
    await page.goto('/');
    const field = page.locator('#text');
    await field.fill('A thought that is not ready');
    await page.goto('/local');
    await page.goto('/');
    equal('a draft is there again', await field.inputValue(), 'A thought that is not ready');
    await page.locator('.composer .warn summary').click();
    await page.locator('#warning').fill('w'.repeat(100));
    await field.fill('long '.repeat(2000));
    check('too much is said before it is sent', /too many/.test(await page.locator('.left-over').textContent()));
    await page.locator('.composer').getByRole('button', { name: 'Post' }).click();
    await page.locator('#errors').waitFor();
    equal('what was typed comes back with the error', [(await field.inputValue()).trim(), await page.locator('#warning').inputValue()],
        ['long '.repeat(2000).trim(), 'w'.repeat(100)]);
    equal('the error stands beside the field', await field.getAttribute('aria-describedby'), 'text-error');
    await field.fill('Short now');
    await page.keyboard.press('Control+Enter');
    await page.getByText('Your post is out').waitFor();
    equal('what was sent is no draft any more', await field.inputValue(), '');
    await page.goto('/local');
    await page.goto('/');
    equal('nor later', await field.inputValue(), '');
}

async function draftWithoutScript(browser, client) {
    const context = await open(browser, { viewport: PHONE, script: false, client });
    const page = await newPage(context);
    await page.goto('/');
    await page.locator('#text').fill('long '.repeat(2000));
    await page.locator('#audience').selectOption('followers');
    await page.locator('.composer').getByRole('button', { name: 'Post' }).click();
    await page.locator('#errors').waitFor();
    equal('without script, what was typed comes back', (await page.locator('#text').inputValue()).trim(), 'long '.repeat(2000).trim());
    equal('and who was to see it', await page.locator('#audience').inputValue(), 'followers');
    silent(page, 'a post that is too long');
    await context.close();
}

// A like that cannot be sent says so, and the page stays as it was.
async function offline(page) {
    await page.goto('/');
    const like = page.locator('.feed button[formaction$="/like"]').first();
    await page.route('**/like', (route) => route.abort());
    await like.click();
    await page.locator('.toast', { hasText: 'That did not work' }).waitFor();
    equal('a like that failed is none', await like.getAttribute('aria-pressed'), 'false');
    check('its button works again', await like.getAttribute('aria-busy') === null);
    await page.unroute('**/like');
    page.problems.length = 0;
}

await deeplink('demo');
const ada = await logIn('ada', DEMO_PASSWORD);
await write(ada, 'A first post of one’s own');
const browser = await launch();
for (const viewport of [PHONE, DESKTOP])
    for (const client of [undefined, ada])
        await walks(browser, viewport, client);
const context = await open(browser, { viewport: DESKTOP, client: ada });
const page = await newPage(context);
for (const step of [acting, menus, drafts, offline])
    await part(step.name, async () => {
        await step(page);
        silent(page, step.name);
    });
await part('drafts without script', () => draftWithoutScript(browser, ada));
await context.close();
await browser.close();
await finish();
