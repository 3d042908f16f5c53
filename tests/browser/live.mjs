// Two windows side by side: what one member does is seen by the other at once, without a reload; with the network away for a
// while all of it comes, once. Without a script it is there after a reload.
// harness: set rate_limits = no
import { axeFinds, check, deeplink, equal, finish, launch, logIn, member, newPage, nothing, open, part, token, until, write } from './lib.mjs';

const SOON = 1000; // "at once" is within a second

const browser = await launch();
const ada = await member('ada', { name: 'Ada' }), ben = await member('ben', { name: 'Ben' });
const adaId = /\/members\/(\d+)\/follow/.exec((await ben.get('/@ada')).html)[1];
await ben.act(`/members/${adaId}/follow`);
await write(ada, 'The first post');

const context = await open(browser, { client: ben });
const page = await newPage(context);
const adas = await newPage(await open(browser, { client: ada }));

const fresh = page.locator('.fresh button');
/** How long it took until that was so, in ms; -1 when it did not come to pass. */
async function took(fn) {
    const begin = Date.now();
    return await until(fn, 'that', 5).then(() => Date.now() - begin, () => -1);
}
const soon = (what, ms) => check(`${what} within a second`, ms >= 0 && ms <= SOON, `${ms} ms`);
/** The stream is open when what is told comes by. */
const listening = (p) => p.waitForFunction(() => performance.getEntriesByType('resource').some((r) => /\/static\/live\./.test(r.name)))
    .then(() => new Promise((resolve) => { setTimeout(resolve, 700); }));

await part('a new post waits above the timeline', async () => {
    await page.goto('/');
    await page.evaluate('globalThis.stays = true');
    await listening(page);
    await adas.goto('/');
    await adas.locator('textarea').first().fill('News from Ada');
    const begin = Date.now();
    await adas.getByRole('main').getByRole('button', { name: 'Post' }).first().click();
    await fresh.waitFor({ timeout: 5000 });
    soon('it is offered', Date.now() - begin - 0);
    equal('in words', await fresh.textContent(), 'Show 1 new post');
    equal('that are read aloud', await page.locator('.fresh').getAttribute('role'), 'status');
    await write(ada, 'More news');
    await until(async () => await fresh.textContent() === 'Show 2 new posts', 'the second');
    nothing('axe finds nothing', await axeFinds(page));
    await fresh.click();
    await page.locator('.feed article').first().getByText('More news').waitFor();
    equal('they stand in order, each once', (await page.locator('.feed article .tx').allTextContents()).map((t) => t.trim()), ['More news', 'News from Ada', 'The first post']);
    equal('nothing is offered any more', await fresh.count(), 0);
    check('without a reload', await page.evaluate('globalThis.stays === true'));
});

await part('likes, comments and reposts of what is open', async () => {
    const post = page.locator('.feed article', { hasText: 'News from Ada' });
    const id = (await post.getAttribute('id')).slice(1);
    const number = (part) => post.locator(`.acts ${part} b`).textContent({ timeout: 100 }).catch(() => '');
    await new Promise((resolve) => { setTimeout(resolve, 2500); }); // the stream opens anew for the new posts
    await ada.act(`/posts/${id}/like`);
    soon('a like', await took(async () => await number('[formaction$="/like"]') === '1'));
    await ada.act(`/posts/${id}/unlike`);
    soon('… taken back', await took(async () => await number('[formaction$="/like"]') === ''));
    await write(ada, 'A comment of my own', { in_reply_to: id });
    soon('a comment', await took(async () => await number('.i-comment') === '1'));
    await ada.act(`/posts/${id}/repost`);
    soon('a repost', await took(async () => await number('[formaction$="/repost"]') === '1'));
    await post.locator('[formaction$="/like"]').click();
    await until(async () => await post.locator('[formaction$="/unlike"]').count() === 1, 'the own like');
    equal('the own like counts once', await number('[formaction$="/unlike"]'), '1');
});

await part('the network is away for a while', async () => {
    await page.goto('/');
    await listening(page);
    await page.evaluate('globalThis.stays = true');
    await context.setOffline(true);
    const post = page.locator('.feed article', { hasText: 'The first post' }), id = (await post.getAttribute('id')).slice(1);
    for (let i = 1; i <= 3; i++)
        await write(ada, `Unseen ${i}`);
    await ada.act(`/posts/${id}/like`);
    await new Promise((resolve) => { setTimeout(resolve, 500); });
    await context.setOffline(false);
    await until(async () => /Show 3 new posts/.test(await fresh.textContent({ timeout: 200 }).catch(() => '')), 'all three', 20);
    await until(async () => await post.locator('.acts [formaction$="/like"] b').textContent({ timeout: 200 }).catch(() => '') === '1', 'the like');
    await fresh.click();
    await page.locator('.feed article', { hasText: 'Unseen 3' }).waitFor();
    equal('each once', (await page.locator('.feed article .tx').allTextContents()).filter((t) => /Unseen/.test(t)).length, 3);
    check('without a reload', await page.evaluate('globalThis.stays === true'));
    page.problems.splice(0); // that the network was away is said by the browser
});

await part('nothing is lost without a script', async () => {
    const plain = await newPage(await open(browser, { client: ben, script: false }));
    await plain.goto('/');
    await write(ada, 'For those without');
    equal('nothing moves', await plain.locator('.fresh').count(), 0);
    await plain.reload();
    equal('a reload shows it', await plain.locator('.feed article', { hasText: 'For those without' }).count(), 1);
});

await part('logged out elsewhere', async () => {
    await page.goto('/');
    await listening(page);
    const other = await logIn('ben');
    await other.act('/settings/sessions/end-others');
    await write(ada, 'Not for those who left');
    await new Promise((resolve) => { setTimeout(resolve, 1500); });
    equal('nothing more comes', await fresh.count(), 0);
    equal('and nothing is asked again and again', page.problems, []);
});

await browser.close();
await finish();
