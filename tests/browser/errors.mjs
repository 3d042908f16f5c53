// Pages that say that something did not work: theirs is to say what happened, what is safe and what to do, in the same look as
// all others, also when nothing runs behind nginx any more.
// harness: set rate_limits = no
import { BASE, DESKTOP, PHONE, axeFinds, check, deeplink, equal, finish, inspect, launch, member, newPage, nothing, open, overflow, part,
    server, silent, until, write } from './lib.mjs';

/** Looks at the page that is there, in both widths, light and dark. */
async function look(page, name, { ours = true } = {}) {
    for (const [viewport, width] of [[PHONE, 'phone'], [DESKTOP, 'desktop']])
        for (const colorScheme of ['light', 'dark']) {
            await page.setViewportSize(viewport);
            await page.emulateMedia({ colorScheme });
            await inspect(page, `${name} ${width} ${colorScheme}`);
            nothing(`${name} ${width} ${colorScheme}: axe`, await axeFinds(page));
        }
    nothing(`${name}: nothing sticks out`, await overflow(page));
    check(`${name}: it says what to do`, await page.locator('main a').count() > 0);
    if (ours)
        check(`${name}: it names the request`, /[0-9a-f]{16}/.test(await page.locator('main code').textContent()));
    silent(page, name);
}

const goes = async (page, path, status) => equal(`${path}: status`, (await page.goto(path)).status(), status);

async function addresses(page, ada) {
    for (const [path, status] of [['/nowhere', 404], ['/@nobody_here', 404], ['/@ada/123', 404], ['/posts/1/edit', 404], ['/admin/members', 403],
        ['/directory?order=sideways', 422], ['/tags/%ff', 400], ['/@vandal', 410]])
        await part(path, async () => {
            await goes(page, path, status);
            await look(page, path, { ours: path !== '/@vandal' });
        });
    const post = await write(ada, 'Soon to be gone');
    await ada.act(`/posts/${post.split('/').pop()}/delete`);
    await goes(page, post, 410);
    await look(page, 'a deleted post');
}

/** A form sent as no page of ours would send it. */
async function send(page, action, fields) {
    await page.goto('/settings/profile');
    await Promise.all([page.waitForNavigation(), page.evaluate(([to, all]) => {
        const form = document.createElement('form');
        Object.assign(form, { action: to, method: 'post', hidden: true });
        for (const [name, value] of Object.entries({ csrf: document.querySelector('[name=csrf]').value, ...all })) {
            const field = form.appendChild(document.createElement('textarea'));
            Object.assign(field, { name, value });
        }
        document.body.append(form);
        form.submit();
    }, [action, fields])]);
}

async function forms(page) {
    await send(page, '/posts', { text: 'x', csrf: 'wrong' });
    await page.getByRole('heading', { name: 'You may not do this' }).waitFor();
    await look(page, 'a form of another session');
    await send(page, '/settings/appearance', { theme: 'purple' });
    await look(page, 'a choice that is none', { ours: false });
    await send(page, '/confirm/nothing', {});
    await look(page, 'a link that is none', { ours: false });
    await send(page, '/reset/nothing', { password: 'harbour-lantern-43' });
    await look(page, 'a link for a password that is none', { ours: false });
    await send(page, '/posts', { text: 'x'.repeat(6_000_000) });
    await page.getByRole('heading', { level: 1 }).waitFor();
    await look(page, 'too large', { ours: false });
}

// Every form with everything wrong: the errors are read first, each field says its own.
async function wrong(page) {
    await page.goto('/settings/account');
    await page.locator('#current').fill('not this');
    await page.locator('#password-new').fill('short');
    await page.getByRole('button', { name: 'Change the password' }).click();
    await page.locator('#errors').waitFor();
    await look(page, 'a wrong password', { ours: false });
    await page.goto('/settings/profile');
    await page.locator('#name').evaluate((e) => e.removeAttribute('maxlength'));
    await page.locator('#name').fill('n'.repeat(80));
    await page.getByRole('button', { name: 'Save' }).click();
    await page.locator('#errors').waitFor();
    equal('what was typed comes back', await page.locator('#name').inputValue(), 'n'.repeat(80));
    await look(page, 'a name that is too long', { ours: false });
}

// Nobody behind nginx: it answers by itself, and comes back by itself.
async function alone(page) {
    await page.goto('/local');
    await server('stop', 'serve');
    const answer = await page.goto('/local');
    check('nginx says that nobody answers', [502, 503].includes(answer.status()), answer.status());
    await look(page, 'no workers', { ours: false });
    await server('start', 'serve');
    await until(async () => (await page.goto('/local')).status() === 200, 'the page');
    equal('and it comes back', await page.locator('h1').textContent(), 'Local');
    await page.goto(`${BASE}/static/nothing.css`);
    await look(page, 'no such file', { ours: false });
}

const ada = await member('ada');
await member('vandal');
await deeplink('user', 'suspend', 'vandal');
const browser = await launch();
const context = await open(browser, { viewport: DESKTOP, client: ada });
const page = await newPage(context);
await part('addresses', () => addresses(page, ada));
await part('forms', () => forms(page));
await part('wrong', () => wrong(page));
await part('alone', () => alone(page));
await context.close();
await browser.close();
await finish();
