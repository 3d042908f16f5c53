// Threads beyond a page, own roles, and leaving, in the browser: with script the comments come by themselves, without it every
// link leads there; forms and questions work both ways.
// harness: set rate_limits = no
import { DESKTOP, PASSWORD, PHONE, axeFinds, check, equal, finish, inspect, launch, logIn, member, newPage, nothing, open, part, scrollToEnd, silent, tap, until, write } from './lib.mjs';

const COMMENTS = 47;
let ada, bob, post, first, browser;

async function setUp() {
    ada = await member('ada', { name: 'Ada Admin', role: 'admin' });
    bob = await member('bob', { name: 'Bob Builder' });
    post = await write(ada, 'What shall we name the boat?');
    first = await write(bob, 'Name 1', {}, post);
    for (let i = 2; i <= COMMENTS; i++)
        await write(bob, `Name ${i}`, {}, post);
    for (let i = 1; i <= 7; i++)
        await write(ada, `Answer ${i}`, {}, first);
}

const words = (page) => page.locator('.comments article .tx').evaluateAll((all) => all.map((e) => e.textContent.trim()));
const names = (list) => list.filter((w) => w.startsWith('Name ')).map((w) => +w.slice(5));
const wanted = Array.from({ length: COMMENTS }, (_, i) => i + 1);

// ---- Threads ---------------------------------------------------------------------------------------------------------

async function endless(viewport, client) {
    const context = await open(browser, { viewport, client }), page = await newPage(context);
    await page.goto(post);
    await scrollToEnd(page, '.comments > .pager');
    equal('all comments come by scrolling, in order', names(await words(page)), wanted);
    check('the address is that of a further page', /[?]after=\d+/.test(page.url()), page.url());
    equal('the composer stands once', await page.locator('.comments form.composer').count(), client ? 1 : 0);
    await inspect(page, 'a thread scrolled to its end');
    nothing('a thread scrolled to its end: axe', await axeFinds(page));
    if (client) {
        const like = page.locator('.comments article').last().locator('.acts button').nth(2);
        await tap(like);
        await page.locator('.comments article').last().locator('[aria-pressed=true]').waitFor();
    }
    silent(page, 'endless thread');
    await context.close();
}

async function byLinks(script) {
    const context = await open(browser, { viewport: PHONE, script }), page = await newPage(context);
    const found = [];
    if (script) // what comes by itself is another test: here the link is followed
        await page.addInitScript('delete window.IntersectionObserver');
    await page.goto(post);
    for (;;) {
        found.push(...names(await words(page)));
        const next = page.locator('.comments > .pager [rel=next]');
        if (await next.count() === 0)
            break;
        const before = page.url();
        await Promise.all([page.waitForURL((url) => url.href !== before), tap(next)]);
        nothing('a further page of a thread: axe', await axeFinds(page));
    }
    equal('all comments by links', found, wanted);
    await page.getByRole('link', { name: 'Show all comments from the first' }).click();
    await page.getByRole('link', { name: /Continue this thread/ }).first().click();
    await page.waitForURL((url) => url.pathname === first);
    equal('the rest of what was said to one comment', (await words(page)).filter((w) => w.startsWith('Answer')), ['Answer 5', 'Answer 6', 'Answer 7']);
    silent(page, 'thread by links');
    await context.close();
}

// ---- Roles -----------------------------------------------------------------------------------------------------------

async function roles(script) {
    const name = script ? 'editor' : 'helper';
    const context = await open(browser, { viewport: script ? DESKTOP : PHONE, script, client: ada }), page = await newPage(context);
    await page.goto('/admin/roles');
    await page.getByRole('link', { name: 'New role' }).click();
    await page.locator('#name').fill(name);
    await page.locator('#rank').fill('20');
    await page.getByLabel('Moderate').check();
    await tap(page.getByRole('button', { name: 'Save' }));
    await page.waitForURL('**/admin/roles');
    await page.getByText('The role is there.').waitFor();
    await page.goto('/admin/members?q=bob');
    await page.getByLabel('Role of Bob Builder').first().selectOption(name);
    await tap(page.getByRole('button', { name: /^Set/ }));
    await page.getByText('The role is changed.').waitFor();
    await page.goto('/admin/roles');
    await tap(page.getByRole('link', { name: `Delete ${name}` }));
    check('it says how many', (await page.locator('main').textContent()).includes('1 member has this role'));
    nothing('the question: axe', await axeFinds(page));
    await page.getByLabel('Its members become').selectOption('member');
    await tap(page.getByRole('button', { name: 'Delete the role' }));
    await page.getByText('The role is gone.').waitFor();
    equal('it is gone from the list', await page.locator('h2', { hasText: name }).count(), 0);
    silent(page, 'roles');
    await context.close();
}

// ---- Leaving ---------------------------------------------------------------------------------------------------------

async function leaving(script) {
    const handle = script ? 'lea' : 'lou';
    await member(handle, { name: 'Somebody Leaving' });
    const context = await open(browser, { viewport: script ? PHONE : DESKTOP, script, client: await logIn(handle) }), page = await newPage(context);
    await page.goto('/settings/account');
    await tap(page.getByRole('link', { name: 'Delete account' }));
    await page.waitForURL('**/settings/account/delete');
    await page.locator('#password').fill('not this one');
    await tap(page.getByRole('button', { name: 'Delete my account' }));
    await page.locator('#password-error').waitFor();
    nothing('the question with its error: axe', await axeFinds(page));
    await page.locator('#password').fill(PASSWORD);
    await tap(page.getByRole('button', { name: 'Delete my account' }));
    await page.getByText('Your account is deleted.').waitFor();
    equal('the page is gone', (await page.goto(`/@${handle}`)).status(), 410);
    await page.goto('/login');
    await page.locator('#login').fill(handle);
    await page.locator('#password').fill(PASSWORD);
    await tap(page.getByRole('main').getByRole('button', { name: 'Log in' }));
    await page.waitForURL('**/restore/*');
    await inspect(page, 'the question whether to restore');
    await tap(page.getByRole('button', { name: 'Restore my account' }));
    await page.getByText('Your account is back.').waitFor();
    await until(async () => (await page.goto(`/@${handle}`)).status() === 200, 'the profile');
    page.problems.length = 0;
    await context.close();
}

await part('set-up', setUp);
browser = await launch();
await part('endless, phone', () => endless(PHONE, bob));
await part('endless, a stranger', () => endless(DESKTOP, undefined));
for (const script of [true, false]) {
    await part(`by links, ${script ? 'script' : 'no script'}`, () => byLinks(script));
    await part(`roles, ${script ? 'script' : 'no script'}`, () => roles(script));
    await part(`leaving, ${script ? 'script' : 'no script'}`, () => leaving(script));
}
await browser.close();
await finish();
