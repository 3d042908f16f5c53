// Every page that the program has (`deeplink routes`), for strangers, members and administrators, on a phone's and a desktop's
// width, with and without script, light and dark: it answers as it should, says no error, asks no other host, fits, and
// axe-core finds nothing. A page that is new has to be given an example below, or this test fails.
// harness: long
// harness: set registration = approval
// harness: set rate_limits = no
// harness: set mail_delay_s = 0
import { multipart, png } from '../http/lib_media.mjs';
import { BASE, Client, DEMO_PASSWORD, DESKTOP, PASSWORD, PHONE, axeFinds, check, deeplink, equal, finish, inspect, launch, logIn,
    mailLink, newPage, nothing, open, part, silent, together, until, write } from './lib.mjs';

const only = process.env.ONLY_PAGE && new RegExp(process.env.ONLY_PAGE);
let ada, mirela, kofi, bo, jun, browser;
const at = {};  // addresses and ids that the examples need

// ---- What there is to look at ----------------------------------------------------------------------------------------

const idOf = async (handle) => /\/members\/(\d+)\//.exec((await ada.get(`/@${handle}`)).html)[1];

async function signUpHalf(handle) {
    const client = new Client(), email = `${handle}@example.org`;
    await client.submit((await client.get('/signup')).form('/signup'),
        { name: `${handle} the newcomer`, handle, email, password: PASSWORD, agreement: '1', reason: 'I heard of you at the pier.' });
    return { client, link: await mailLink(email, /\/confirm\/[\w.~-]+/) };
}

async function newcomers() {
    const { client, link } = await signUpHalf('wanda');
    await client.submit((await client.get(link)).form(link));
    at.confirm = (await signUpHalf('xaver')).link;
    await client.submit((await client.get('/reset')).form('/reset'), { email: 'tomasz@demo.example' });
    at.reset = await mailLink('tomasz@demo.example', /\/reset\/[\w.~-]+/);
    await deeplink('user', 'create', 'vandal', '--email', 'vandal@example.org', '--password', PASSWORD);
    await deeplink('user', 'suspend', 'vandal');
    await deeplink('user', 'create', 'leaver', '--email', 'leaver@example.org', '--password', PASSWORD);
    const leaver = await logIn('leaver'), back = new Client();
    await leaver.submit((await leaver.get('/settings/account/delete')).form('/settings/account/delete'), { password: PASSWORD });
    at.restore = (await back.submit((await back.get('/login')).form('/login'), { login: 'leaver', password: PASSWORD })).url;
}

async function posts() {
    at.post = await write(mirela, 'The mast goes in on **Friday**, weather permitting. #boats\n\n- rope\n- hands\n- soup\n\n> slowly\n\n`knots` and [a plan](https://example.org/plan)');
    at.id = at.post.split('/').pop();
    await mirela.submit((await mirela.get(`/posts/${at.id}/edit`)).form(`/posts/${at.id}/edit`),
        { text: 'The mast goes in on **Saturday**, weather permitting. #boats' });
    for (const act of ['like', 'repost', 'bookmark'])
        await kofi.act(`/posts/${at.id}/${act}`);
    await mirela.act(`/posts/${at.id}/pin`);
    await write(mirela, 'A photo of a finger, as it was.', { warning: 'Blood, a little' });
    await write(mirela, 'Only for those who follow.', { audience: 'followers' });
    await write(mirela, 'Not on the public page.', { audience: 'unlisted' });
    await write(mirela, 'Just for you, @kofi.', { audience: 'direct' });
    await write(kofi, Array.from({ length: 40 }, (_, i) => `Line ${i + 1} of the long report.`).join('\n\n'));
    let parent = at.post;
    for (let i = 0; i < 8; i++)
        parent = await write(i % 2 ? mirela : kofi, `Level ${i + 1}: @mirela, is there soup on the ${i + 1}th?`, {}, parent);
    at.comment = parent;
    at.many = await write(kofi, 'What shall we name her?');
    const first = await write(kofi, 'The first name', {}, at.many);
    for (let i = 0; i < 21; i++)
        await write(mirela, `Or this: ${i + 1}`, {}, at.many);
    for (let i = 0; i < 5; i++)
        await write(mirela, `I like it, ${i + 1}`, {}, first);
    at.further = (await kofi.get(at.many)).links({ rel: 'next' })[0].href.replace(/#.*/, '');
    for (const client of [mirela, ada, kofi]) {
        const [liked] = /\/posts\/\d+\/like/.exec((await client.get('/local')).html);
        await client.act(liked);
        await client.act(liked.replace('like', 'bookmark'));
    }
}

async function edges() {
    [at.bo, at.idris, at.jun, at.mirela] = [await idOf('bo'), await idOf('idris'), await idOf('jun'), await idOf('mirela')];
    at.suspended = /\/admin\/members\/(\d+)\/restore/.exec((await ada.get('/admin/members?state=suspended')).html)[1];
    const form = (await mirela.get('/settings/privacy')).form('/settings/privacy');
    await mirela.submit(form, { locked: '1' });
    await ada.submit((await ada.get('/settings/privacy')).form('/settings/privacy'), { locked: '1' });
    for (const client of [bo, jun])
        await client.act(`/members/${at.mirela}/follow`);
    for (const client of [mirela, ada, kofi]) {
        await client.act(`/members/${at.bo}/block`);
        await client.act(`/members/${at.idris}/mute`, { duration: '604800' });
    }
    await ada.act(`/admin/members/${at.idris}/role`, { role: 'moderator' });
    await ada.act('/admin/roles/new', { name: 'editor', rank: '20', may_post: '1', may_moderate: '1' });
    await ada.act(`/admin/members/${at.jun}/role`, { role: 'editor' });
}

// What waits for two of them: all kinds, some of it held back.
async function news() {
    await deeplink('user', 'create', 'quiet', '--email', 'quiet@example.org', '--name', 'Quiet Stranger', '--password', PASSWORD);
    const quiet = await logIn('quiet');
    await write(quiet, 'You do not know me, @mirela, but I have a mast.', { audience: 'direct' });
    await write(quiet, '@ada, may I ask you something?', { audience: 'direct' });
    for (const client of [mirela, ada])
        await until(async () => (await client.get('/notifications/requests')).html.includes('Quiet Stranger'), 'something held back');
}

async function invites() {
    for (const client of [ada, kofi])
        await client.act('/invites', { max_uses: '3', days: '7' });
    at.invite = /\/invite\/[\w.~-]+/.exec((await ada.get('/invites')).html)[0];
}

/** Two lists of a member: one with people and their posts, one with nobody. */
async function lists() {
    const made = async (title) => /\/lists\/(\d+)/.exec((await ada.act('/lists', { title }, { follow: false })).location)[1];
    at.lists = { full: await made('People of the harbour'), empty: await made('Later') };
    for (const member of [at.mirela, at.jun]) {
        await ada.act(`/members/${member}/follow`);
        await ada.act(`/lists/${at.lists.full}/members/${member}/add`);
    }
}

/** A post with a picture, when it is ready. */
async function pictures() {
    const form = multipart([['file', png(400, 300, [40, 90, 140]), 'sea.png', 'image/png'], ['description', 'The sea']]);
    const { id } = (await mirela.request('POST', '/api/v2/media', { ...form, headers: { ...form.headers, 'x-csrf-token': mirela.token } })).json();
    await until(async () => (await mirela.request('GET', `/api/v1/media/${id}`)).status === 200, 'the picture', 60);
    const sent = await mirela.act('/posts', { text: 'What I see from here.', audience: 'public', media_1: id }, { follow: false });
    at.shown = /(\d+)(#.*)?$/.exec(sent.location)?.[1] ?? (await mirela.get('/@mirela')).tags('article')[0].id.slice(1);
}

async function setUp() {
    await deeplink('demo');
    [ada, kofi, mirela, bo, jun] = await Promise.all(['ada', 'kofi', 'mirela', 'bo', 'jun'].map((h) => logIn(h, DEMO_PASSWORD)));
    await newcomers();
    await posts();
    await edges();
    await news();
    await invites();
    await lists();
    await pictures();
    at.unsubscribe = await mailLink('mirela@demo.example', /\/unsubscribe\/[\w-]+/);
    const hooks = await ada.submit((await ada.get('/admin/webhooks')).form('/admin/webhooks'), { url: 'https://example.org/hook', 'events[]': 'post.created' });
    at.webhook = /\/admin\/webhooks\/\d+/.exec(hooks.html)[0];
    await ada.press(await ada.get(at.webhook), `${at.webhook}/ping`);
}

// ---- The pages -------------------------------------------------------------------------------------------------------

// Examples of each address. A function is called when the addresses are known.
const examples = {
    '/': ['/'],
    '/signup': ['/signup'], '/invite/{code}': () => [at.invite, '/invite/used-up'], '/confirm': ['/confirm'],
    '/confirm/{token}': () => [at.confirm], '/login': ['/login', '/login?return_to=/bookmarks'],
    '/reset': ['/reset'], '/reset/{token}': () => [at.reset], '/restore/{token}': () => [at.restore],
    '/@{handle}': ['/@mirela', '/@jun', '/@ada', '/@bo'], '/@{handle}/replies': ['/@kofi/replies'],
    '/@{handle}/followers': ['/@mirela/followers', '/@kofi/followers'], '/@{handle}/following': ['/@mirela/following'],
    '/@{handle}/{id}': () => [at.post, at.comment, at.many, at.further],
    '/directory': ['/directory', '/directory?order=new', '/directory?q=boat', '/directory?q=nobody+at+all'], '/about': ['/about'],
    '/settings': ['/settings'], '/settings/profile': ['/settings/profile'], '/settings/account': ['/settings/account'],
    '/settings/account/delete': ['/settings/account/delete'], '/settings/apps': ['/settings/apps'],
    '/settings/sessions': ['/settings/sessions'], '/settings/privacy': ['/settings/privacy'], '/settings/appearance': ['/settings/appearance'],
    '/settings/notifications': ['/settings/notifications'], '/unsubscribe/{token}': () => [at.unsubscribe],
    '/admin/webhooks': ['/admin/webhooks'], '/admin/webhooks/{id}': () => [at.webhook],
    '/settings/activity': ['/settings/activity'], '/settings/blocks': ['/settings/blocks'], '/settings/mutes': ['/settings/mutes'],
    '/admin/members': ['/admin/members', '/admin/members?state=pending', '/admin/members?state=suspended', '/admin/members?q=nobody'],
    '/admin/members/{id}/suspend': () => [`/admin/members/${at.jun}/suspend`], '/admin/audit': ['/admin/audit'],
    '/admin/roles': ['/admin/roles'], '/admin/roles/new': ['/admin/roles/new'], '/admin/roles/{name}/edit': ['/admin/roles/editor/edit', '/admin/roles/moderator/edit'],
    '/admin/roles/{name}/delete': ['/admin/roles/editor/delete'],
    '/invites': ['/invites'], '/local': ['/local'], '/tags': ['/tags'], '/tags/{tag}': ['/tags/boats', '/tags/nobodywrites'],
    '/lists': ['/lists'], ...Object.fromEntries(['', '/edit', '/delete', '/members', '/people'].map((page) =>
        [`/lists/{id}${page}`, () => ['full', 'empty'].map((list) => `/lists/${at.lists[list]}${page}`)])),
    '/members/{id}/lists': () => [`/members/${at.jun}/lists`],
    '/bookmarks': ['/bookmarks'], '/likes': ['/likes'], '/compose': () => ['/compose', `/compose?in_reply_to=${at.id}`],
    '/posts/{id}/edit': () => [`/posts/${at.id}/edit`], '/posts/{id}/delete': () => [`/posts/${at.id}/delete`],
    '/posts/{id}/history': () => [`/posts/${at.id}/history`], '/posts/{id}/likes': () => [`/posts/${at.id}/likes`],
    '/posts/{id}/reposts': () => [`/posts/${at.id}/reposts`], '/posts/{id}/media/{number}': () => [`/posts/${at.shown}/media/1`],
    '/settings/picture': ['/settings/picture'], '/settings/media': ['/settings/media'], '/admin/storage': ['/admin/storage'],
    '/notifications': ['/notifications', '/notifications?show=site', '/notifications?show=talk'],
    '/notifications/requests': ['/notifications/requests'], '/notifications/policy': ['/notifications/policy'],
    '/network': ['/network'], '/members/{id}/block': () => [`/members/${at.jun}/block`], '/members/{id}/mute': () => [`/members/${at.jun}/mute`],
};
// Pieces of pages, pictures and the stream of what is live: theirs are the HTTP tests. The consent page and the API's reference have tests of their own.
const noPage = (route) => route.face !== 'page' || /^\/(fragment|avatars|banners|\.well-known|oauth|docs)\/|\.svg$|^\/live$|^\/media\/\{id\}$/.test(route.pattern);
// What is another answer than 200.
const others = { '/tags/nobodywrites': 404 };

const permits = { stranger: 0, member: 1, admin: 0xffff };

/** What somebody is to get at an address: { status, path } where the path is the one that a redirect leads to. */
function expected(route, path, who) {
    if (route.auth === 'member' && who === 'stranger')
        return { status: 200, path: '/login' };
    if (route.auth === 'nobody' && who !== 'stranger')
        return { status: 200, path: '/' };
    if (route.permission & ~permits[who])
        return { status: 403 };
    if (route.pattern === '/posts/{id}/edit' && who === 'admin')
        return { status: 403 };
    if (route.pattern.startsWith('/lists/{id}') && who !== 'admin') // ada's
        return { status: 404 };
    return { status: others[path] ?? 200 };
}

async function routes() {
    const all = JSON.parse(await deeplink('routes', '--json')).filter((r) => r.method === 'GET' && !noPage(r));
    nothing('every page has an example here', all.filter((r) => !examples[r.pattern]).map((r) => r.pattern));
    nothing('every example is a page', Object.keys(examples).filter((p) => !all.some((r) => r.pattern === p)));
    return all.flatMap((route) => {
        const list = examples[route.pattern] ?? [];
        return (typeof list === 'function' ? list() : list).map((path) => ({ route, path }));
    }).filter(({ path }) => !only || only.test(path));
}

// ---- Looking ---------------------------------------------------------------------------------------------------------

async function look(page, { route, path }, who, script) {
    const name = `${path} (${who}, ${script ? 'script' : 'no script'})`;
    const should = expected(route, path, who);
    await page.setViewportSize(PHONE);
    await page.emulateMedia({ colorScheme: 'light' });
    const answer = await page.goto(path, { waitUntil: 'load' });
    equal(`${name}: status`, answer.status(), should.status);
    if (should.path) {
        equal(`${name}: leads on`, new URL(page.url()).pathname, should.path);
        return silent(page, name);
    }
    check(`${name}: strict policy`, /default-src 'none'|default-src 'self'/.test(answer.headers()['content-security-policy'] ?? '') &&
        !/unsafe|https?:|\*/.test(answer.headers()['content-security-policy']), answer.headers()['content-security-policy']);
    silent(page, name);
    await inspect(page, `${name} phone`);
    nothing(`${name} phone: axe`, await axeFinds(page));
    if (script) {
        await page.emulateMedia({ colorScheme: 'dark' });
        nothing(`${name} phone, dark: axe`, await axeFinds(page, { rules: ['color-contrast', 'link-in-text-block'] }));
    }
    await page.setViewportSize(DESKTOP);
    await inspect(page, `${name} desktop`);
    if (script) {
        nothing(`${name} desktop, dark: axe`, await axeFinds(page, { rules: ['color-contrast', 'link-in-text-block'] }));
        await page.emulateMedia({ colorScheme: 'light' });
        nothing(`${name} desktop: axe`, await axeFinds(page));
    }
}

async function lookAs(who, client, script, pages) {
    const context = await open(browser, { viewport: DESKTOP, script, client });
    const page = await newPage(context);
    for (const one of pages)
        await part(`${one.path} (${who}, ${script ? 'script' : 'no script'})`, () => look(page, one, who, script));
    await context.close();
}

// ---- How much a first visit costs ------------------------------------------------------------------------------------

// The page, its style and its script, as they come over the wire, headers included; pictures come after.
async function weigh(name, client) {
    const context = await open(browser, { viewport: DESKTOP, client });
    const page = await context.newPage(), session = await context.newCDPSession(page);
    const kinds = new Map(), sizes = {};
    await session.send('Network.enable');
    session.on('Network.requestWillBeSent', (e) => kinds.set(e.requestId, e.type));
    session.on('Network.loadingFinished', (e) => { const kind = kinds.get(e.requestId); sizes[kind] = (sizes[kind] ?? 0) + e.encodedDataLength; });
    const parts = ['Document', 'Stylesheet', 'Script'];
    await page.goto('/', { waitUntil: 'load' });  // a member's page keeps a stream open
    await until(() => parts.every((kind) => sizes[kind]), 'the sizes of all parts');
    const sum = parts.reduce((all, kind) => all + sizes[kind], 0);
    check(`${name}: the first page is at most 28 kB with style and script`, sum > 4000 && sum <= 28000, `${sum} ${JSON.stringify(sizes)}`);
    console.log(`${name}: ${sum} bytes: ${JSON.stringify(sizes)}`);
    await context.close();
}

// ---- Where a page opens ----------------------------------------------------------------------------------------------

// The list of a desk's places is longer than some screens: it shows the present one, and the page begins at its top.
async function opensAtTop(viewport, script) {
    const context = await open(browser, { viewport, script, client: ada });
    const page = await newPage(context);
    for (const path of ['/settings/profile', '/settings/media', '/admin/storage']) {
        await page.goto(path);
        const seen = await page.locator('.desk > .links [aria-current]').evaluate((here) => {
            const a = here.getBoundingClientRect(), b = here.parentElement.getBoundingClientRect();
            const within = a.top >= b.top && a.bottom <= b.bottom && a.left >= b.left && a.right <= b.right;
            return { y: scrollY, within: within && a.bottom <= innerHeight };
        });
        equal(`${path} opens at its top, with its place in sight, ${viewport.width} wide, ${script ? 'with' : 'without'} script`,
            seen, { y: 0, within: true });
    }
    await context.close();
}

// ---- All together ----------------------------------------------------------------------------------------------------

await part('set-up', setUp);
browser = await launch();
const pages = await routes();
await part('weight', async () => {
    await weigh('landing');
    await weigh('home', mirela);
});
await part('where a page opens', async () => {
    for (const viewport of [{ width: 1280, height: 500 }, PHONE]) {
        await opensAtTop(viewport, true);
        await opensAtTop(viewport, false);
    }
});
await together(2, [
    () => lookAs('member', mirela, true, pages),
    () => lookAs('stranger', undefined, true, pages),
    () => lookAs('member', mirela, false, pages),
    () => lookAs('admin', ada, true, pages),
    () => lookAs('stranger', undefined, false, pages),
    () => lookAs('admin', ada, false, pages),
]);
await browser.close();
await finish();
