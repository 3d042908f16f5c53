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
await context.addInitScript(() => { // which stream said last that it is open, and that one has ended
    globalThis.EventSource = class extends EventSource {
        constructor(url) {
            super(url);
            this.addEventListener('ready', () => { globalThis.ready = url; });
            this.addEventListener('end', () => { globalThis.ended = true; });
        }
    };
});
const page = await newPage(context);
const adas = await newPage(await open(browser, { client: ada }));

const fresh = page.locator('.fresh button');
/** Waits until a member's home timeline has a post: it comes there a moment after it was written. */
const shown = (client, text) => until(async () => (await client.get('/')).html.includes(text), `"${text}" at home`);

/** Keeps an eye on a page: what it returns gives the moment at which a selector's text became that ('': it went), by a clock that
 * all pages have. It is taken in the page, so that the time that this test itself needs does not count. */
async function watch(page, selector, text) {
    await page.evaluate(([where, what]) => {
        const is = () => [...document.querySelectorAll(where)].some((e) => e.textContent.trim() === what) || (what === '' && !document.querySelector(where));
        if (is())
            throw new Error(`${where} is "${what}" already`);
        globalThis.seen = new Promise((resolve) => {
            const look = () => is() && (observer.disconnect(), resolve(performance.timeOrigin + performance.now()));
            const observer = new MutationObserver(look);
            observer.observe(document.body, { childList: true, subtree: true, characterData: true });
        });
    }, [selector, text]);
    return () => Promise.race([page.evaluate('globalThis.seen'), new Promise((resolve) => { setTimeout(resolve, 5000, NaN); })]);
}

/** Posts a form in a page; gives the moment at which the answer was there. */
const act = (page, path, fields = {}) => page.evaluate(async ([where, what]) => {
    const csrf = document.querySelector('input[name="csrf"]').value;
    const answer = await fetch(where, { method: 'POST', redirect: 'manual', body: new URLSearchParams({ csrf, ...what }) });
    const at = performance.timeOrigin + performance.now();
    if (answer.type !== 'opaqueredirect')
        throw new Error(`${where}: ${answer.status}`);
    return at;
}, [path, fields]);

/** Does each of three things and sees what comes of it: [path, fields, selector, text]. In the middle it takes a second at most. */
async function soon(what, tries) {
    const took = [];
    for (const [path, fields, selector, text] of tries) {
        const seen = await watch(page, selector, text);
        const at = await act(adas, path, fields);
        took.push(Math.round(await seen() - at));
    }
    const [, middle] = [...took].sort((a, b) => a - b);
    check(`${what} within a second`, took.every(Number.isFinite) && middle <= SOON, `${took} ms`);
}

/** Waits until a page's stream says that it is open, and tells about a post when one is given. */
const listening = (id = '') => page.waitForFunction((post) => globalThis.ready?.includes(post), id);

await part('a new post waits above the timeline', async () => {
    await shown(ben, 'The first post');
    await page.goto('/');
    await page.evaluate('globalThis.stays = true');
    await listening();
    await adas.goto('/');
    const posts = ['News from Ada', 'More news', 'Yet more news'];
    await soon('it is offered', posts.map((text, i) => ['/posts', { text, audience: 'public' }, '.fresh button', `Show ${i + 1} new post${i > 0 ? 's' : ''}`]));
    equal('that are read aloud', await page.locator('.fresh').getAttribute('role'), 'status');
    nothing('axe finds nothing', await axeFinds(page));
    await fresh.click();
    await page.locator('.feed article').first().getByText('Yet more news').waitFor();
    equal('they stand in order, each once', (await page.locator('.feed article .tx').allTextContents()).map((t) => t.trim()), [...posts.reverse(), 'The first post']);
    equal('nothing is offered any more', await fresh.count(), 0);
    check('without a reload', await page.evaluate('globalThis.stays === true'));
});

await part('likes, comments and reposts of what is open', async () => {
    const post = page.locator('.feed article', { hasText: 'News from Ada' });
    const id = (await post.getAttribute('id')).slice(1);
    const number = (part) => post.locator(`.acts ${part} b`).textContent({ timeout: 100 }).catch(() => '');
    await listening(id); // it opens anew for the new posts
    const acts = `#p${id} .acts`, like = `${acts} [formaction$="/like"] b`, repost = `${acts} [formaction$="/repost"] b`;
    const turns = (on, off, selector) => [[`/posts/${id}/${on}`, {}, selector, '1'], [`/posts/${id}/${off}`, {}, selector, ''], [`/posts/${id}/${on}`, {}, selector, '1']];
    await soon('a like, and taken back', turns('like', 'unlike', like));
    await soon('a comment', [1, 2, 3].map((n) => ['/posts', { text: `Comment ${n}`, in_reply_to: id }, `${acts} .i-comment b`, String(n)]));
    await soon('a repost', turns('repost', 'unrepost', repost));
    await ada.act(`/posts/${id}/unlike`);
    await until(async () => await number('[formaction$="/like"]') === '', 'nobody likes it');
    await post.locator('[formaction$="/like"]').click();
    await until(async () => await post.locator('[formaction$="/unlike"]').count() === 1, 'the own like');
    equal('the own like counts once', await number('[formaction$="/unlike"]'), '1');
});

await part('the network is away for a while', async () => {
    await write(ada, 'Before the cut'); // what came of the repost is at home by then, too
    await shown(ben, 'Before the cut');
    await page.goto('/');
    await listening();
    await page.evaluate('globalThis.stays = true');
    await context.setOffline(true);
    const post = page.locator('.feed article', { hasText: 'The first post' }), id = (await post.getAttribute('id')).slice(1);
    for (let i = 1; i <= 3; i++)
        await write(ada, `Unseen ${i}`);
    await ada.act(`/posts/${id}/like`);
    await shown(ben, 'Unseen 3');
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
    await shown(ben, 'For those without');
    equal('nothing moves', await plain.locator('.fresh').count(), 0);
    await plain.reload();
    equal('a reload shows it', await plain.locator('.feed article', { hasText: 'For those without' }).count(), 1);
});

await part('logged out elsewhere', async () => {
    await page.goto('/');
    await listening();
    const other = await logIn('ben');
    await other.act('/settings/sessions/end-others');
    await page.waitForFunction(() => globalThis.ended);
    await write(ada, 'Not for those who left');
    await shown(other, 'Not for those who left');
    equal('nothing more comes', await fresh.count(), 0);
    equal('and nothing is asked again and again', page.problems, []);
});

await browser.close();
await finish();
