// A newcomer's first day, on a phone and on a desktop, with script and without: from the front page by mail to a first post,
// with everything that one does to posts, and out again.
// harness: set rate_limits = no
import { DEMO_PASSWORD, DESKTOP, PASSWORD, PHONE, axeFinds, check, deeplink, equal, finish, launch, logIn, mailLink, newPage, nothing,
    open, overflow, part, silent, tap, together, write } from './lib.mjs';

let browser;

const article = (page, text) => page.locator('article', { hasText: text }).first();
const button = (where, name) => where.getByRole('button', { name }).first();
const path = (page) => new URL(page.url()).pathname;
const about = (me) => `A backup for ${me.handle}`;  // a post of Ada's that nobody else touches

/** Presses something that a script does in place, and that leads to the same page again where there is none. */
async function press(page, script, locator, what, done) {
    const before = page.url();
    await page.evaluate('globalThis.stays = true');
    await tap(locator);
    await done.waitFor();
    const stayed = await page.evaluate('globalThis.stays === true');
    equal(`${what}: ${script ? 'in place' : 'by a reload of the same page'}`, [stayed, page.url().replace(/#.*/, '')], [script, before.replace(/#.*/, '')]);
}

// ---- Coming in -------------------------------------------------------------------------------------------------------

async function signUp(page, me) {
    await page.goto('/');
    await tap(page.getByRole('main').getByRole('link', { name: 'Sign up' }).first());
    await page.getByLabel('Your name').fill(me.name);
    await page.getByLabel('Handle').fill(me.handle);
    await page.getByLabel('E-mail address').fill(me.email);
    await page.getByLabel('Password', { exact: true }).fill('short');
    await page.getByLabel('I keep to the rules').check();
    await tap(page.getByRole('main').getByRole('button', { name: 'Sign up' }));
    await page.locator('#errors').waitFor();
    equal('what was typed comes back', await page.getByLabel('Your name').inputValue(), me.name);
    equal('but not the password', await page.getByLabel('Password', { exact: true }).inputValue(), '');
    if (me.script)
        equal('the summary of errors is read first', await page.evaluate('document.activeElement.id'), 'errors');
    nothing('axe finds nothing in a form with an error', await axeFinds(page));
    await tap(page.locator('#errors a'));
    equal('a link leads to the field', new URL(page.url()).hash, '#password');
    check('the field says what is wrong', await page.locator('#password-error').isVisible());
    await page.getByLabel('Password', { exact: true }).fill(PASSWORD);
    await tap(page.getByRole('main').getByRole('button', { name: 'Sign up' }));
    await page.getByRole('heading', { name: 'Look into your mail' }).waitFor();
}

async function logInByForm(page, me) {
    await page.goto(await mailLink(me.email, /\/confirm\/[\w.~-]+/));
    await tap(page.getByRole('button', { name: 'Confirm' }));
    await tap(page.getByRole('main').getByRole('link', { name: 'Log in' }));
    await page.getByLabel('E-mail address or handle').fill(me.handle);
    await page.getByLabel('Password', { exact: true }).fill('a wrong guess');
    await tap(page.getByRole('main').getByRole('button', { name: 'Log in' }));
    await page.locator('#errors').waitFor();
    equal('a wrong password leaves the name there', await page.getByLabel('E-mail address or handle').inputValue(), me.handle);
    if (me.script) {
        await tap(page.getByRole('button', { name: /^Show/ }));
        equal('a password can be looked at', await page.locator('#password').getAttribute('type'), 'text');
    }
    await page.getByLabel('Password', { exact: true }).fill(PASSWORD);
    await tap(page.getByRole('main').getByRole('button', { name: 'Log in' }));
    await page.locator('.composer').waitFor();
    equal('a member comes home', path(page), '/');
}

async function firstSteps(page, me) {
    const start = page.locator('.start');
    check('an empty home helps on', await start.isVisible() && await start.getByRole('link').count() >= 3);
    await press(page, me.script, button(start, 'Follow Ada Lindqvist'), 'follow',
        me.script ? button(page.locator('.does'), 'Following Ada Lindqvist') : article(page, about(me)));
    await page.goto('/');
    await article(page, about(me)).waitFor();
    await page.goto('/directory?q=boat');
    await press(page, me.script, button(page.getByRole('main'), 'Follow Mirela Ionescu'), 'follow in the list of members',
        button(page.getByRole('main'), 'Following Mirela Ionescu'));
}

// ---- Writing ---------------------------------------------------------------------------------------------------------

async function publish(page, me) {
    await page.goto('/');
    const field = page.getByLabel('Your post');
    const low = (await field.boundingBox()).height;
    await field.fill(Array.from({ length: 12 }, (_, i) => `${me.handle} line ${i}`).join('\n'));
    if (me.script)
        check('the composer grows', (await field.boundingBox()).height > low + 150);
    await field.fill(`Hello **from** ${me.name} #firstday`);
    await tap(page.locator('.composer').getByRole('button', { name: 'Post' }));
    await page.getByText('Your post is out').waitFor();
    const mine = article(page, `Hello from ${me.name}`);
    check('the post stands on top', await page.locator('.feed article').first().evaluate((e) => e.textContent.includes('#firstday')));
    equal('its emphasis is emphasis', await mine.locator('strong').textContent(), 'from');
    equal('the field is empty again', await field.inputValue(), '');
}

async function warn(page, me) {
    await tap(page.locator('.composer .warn summary'));
    await page.getByLabel('What is it about?').fill('Spiders');
    await page.getByLabel('Your post').fill(`Eight legs, says ${me.handle}`);
    await tap(page.locator('.composer').getByRole('button', { name: 'Post' }));
    await page.getByText('Your post is out').waitFor();
    const post = article(page, 'Spiders').filter({ hasText: `says ${me.handle}` });
    check('a warning hides the text', !await post.getByText('Eight legs').isVisible());
    await tap(post.locator('.cw summary'));
    check('until one asks', await post.getByText('Eight legs').isVisible());
}

async function comment(page, me) {
    await page.goto('/');
    await tap(article(page, about(me)).getByRole('link', { name: /^Comment/ }));
    await page.getByRole('heading', { name: /comment/i }).first().waitFor();
    await page.getByLabel('Your comment').fill(`Quite so, says ${me.handle}`);
    await tap(page.locator('.composer').getByRole('button', { name: 'Comment' }));
    await page.locator('.tree').getByText(`Quite so, says ${me.handle}`).waitFor();
    nothing('nothing sticks out of a thread', await overflow(page));
}

async function react(page, me) {
    await page.goto('/');
    const post = article(page, about(me));
    for (const [name, undo] of [['Like', 'unlike'], ['Repost', 'unrepost'], ['Bookmark', 'unbookmark']]) {
        const done = post.locator(`button[formaction$="/${undo}"]`);
        await press(page, me.script, button(post, new RegExp(`^${name}`)), name, done);
        equal(`${name} says its state`, await done.getAttribute('aria-pressed'), 'true');
        if (me.script)
            check(`${name} keeps the focus`, await done.evaluate((e) => e === document.activeElement));
    }
    equal('a like counts', await post.locator('button[formaction$="/unlike"] b').textContent(), '1');
    await press(page, me.script, post.locator('button[formaction$="/unlike"]'), 'unlike', post.locator('button[formaction$="/like"]'));
    equal('a like taken back counts no more', await post.locator('button[formaction$="/like"] b').count(), 0);
    await page.goto('/bookmarks');
    check('what is kept stands among the bookmarks', await article(page, about(me)).isVisible());
}

async function edit(page, me) {
    await page.goto(`/@${me.handle}`);
    const post = article(page, `Hello from ${me.name}`);
    await tap(post.locator('.menu summary'));
    await tap(post.getByRole('link', { name: 'Edit' }));
    equal('the text comes as it was written', await page.getByLabel('Text').inputValue(), `Hello **from** ${me.name} #firstday`);
    await page.getByLabel('Text').fill(`Goodbye from ${me.name} #firstday`);
    await tap(page.getByRole('button', { name: 'Save' }));
    const changed = article(page, `Goodbye from ${me.name}`);
    await changed.waitFor();
    await tap(changed.locator('.facts').getByRole('link', { name: /^Edited/ }));
    equal('its history has both', await page.locator('.revisions li').count(), 2);
    await tap(page.getByRole('link', { name: /^To the post/ }));
    await article(page, `Goodbye from ${me.name}`).waitFor();
    me.post = page.url();
}

async function remove(page, me) {
    const post = article(page, `Goodbye from ${me.name}`);
    await tap(post.locator('.menu summary'));
    await tap(post.getByRole('link', { name: 'Delete' }));
    check('it asks, and shows what will be gone', await page.getByText(`Goodbye from ${me.name}`).isVisible());
    await tap(page.getByRole('button', { name: 'Delete the post' }));
    await page.getByRole('status').first().waitFor();
    equal('then it is gone', (await page.goto(me.post)).status(), 410);
}

async function leave(page, me) {
    await page.goto('/settings/sessions');
    check('one sees where one is logged in', await page.getByText('This one').isVisible());
    await tap(page.locator('.me > summary'));
    await tap(page.getByRole('button', { name: 'Log out' }));
    await page.getByRole('main').getByRole('link', { name: 'Sign up' }).first().waitFor();
    await page.goto('/bookmarks');
    equal('what is for members asks to log in', path(page), '/login');
    if (me.script)
        equal('no draft stays behind', await page.evaluate('sessionStorage.length'), 0);
}

const handleOf = (viewport, script) => `${viewport === PHONE ? 'phone' : 'desk'}_${script ? 'script' : 'plain'}`;

async function journey(viewport, script) {
    const handle = handleOf(viewport, script);
    const me = { handle, name: `Nova ${handle}`, email: `${handle}@example.org`, script };
    const context = await open(browser, { viewport, script });
    const page = await newPage(context);
    for (const step of [signUp, logInByForm, firstSteps, publish, warn, comment, react, edit, remove, leave])
        await part(`${handle}: ${step.name}`, async () => {
            await step(page, me);
            silent(page, `${handle}: ${step.name}`);
        });
    await context.close();
}

// ---- All together ----------------------------------------------------------------------------------------------------

await deeplink('demo');
const ada = await logIn('ada', DEMO_PASSWORD);
const kinds = [[PHONE, true], [DESKTOP, true], [PHONE, false], [DESKTOP, false]];
for (const [viewport, script] of kinds)
    await write(ada, about({ handle: handleOf(viewport, script) }));
browser = await launch();
await together(2, kinds.map(([viewport, script]) => () => journey(viewport, script)));
await browser.close();
await finish();
