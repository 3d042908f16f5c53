// One pool or a pool a service: the same pages, feeds and errors, byte for byte. The site has a pool a service; beside it
// runs its twin, one pool on the same database, Redis and configuration. Both are asked for the same things.
// harness: split
// harness: set rate_limits = no
import { Client, check, deeplink, equal, finish, logIn, member, part, server, until } from './lib.mjs';

const twin = (await server('start', 'twin')).split('\n').pop();

// What is another one in every answer: form tokens, request ids, how long ago something was.
const mask = (text) => text
    .replace(/(name="?csrf"?\s+value="?)[\w-]+/g, '$1-').replace(/(name="?csrf-token"?\s+content="?)[\w-]+/g, '$1-')
    .replace(/(name="?key"?\s+value="?)[\w-]+/g, '$1-')
    .replace(/(#same<\/b> ?<span>)[^<]*/g, '$1-') // each worker counts the tags at the margin anew only now and then
    .replace(/[0-9a-f]{32}/g, '-').replace(/(<time[^>]*>)[^<]*/g, '$1-');
const headers = (answer) => Object.fromEntries(['content-type', 'location', 'cache-control', 'allow', 'retry-after', 'content-security-policy']
    .map((name) => [name, answer.headers[name]]));

async function same(client, other, path, options = {}) {
    const [a, b] = [await client.get(path, { follow: false, ...options }), await other.get(path, { follow: false, ...options })];
    equal(`${path}: status`, a.status, b.status);
    equal(`${path}: headers`, headers(a), headers(b));
    const [x, y] = [mask(a.html), mask(b.html)];
    const at = [...x].findIndex((c, i) => c !== y[i]);
    check(`${path}: body`, x === y, `from ${at} on: ${x.slice(at - 40, at + 60)} instead of ${y.slice(at - 40, at + 60)}`);
    return a;
}

const ann = await member('ann_same'), bob = await member('bob_same', { name: 'Bób Ü' }), admin = await member('adm_same', { role: 'admin' });
const posts = [];
const profile = async (client) => (await client.get('/settings/profile')).text;

async function fill() {
    for (let i = 0; i < 12; i++) {
        const page = await ann.submit((await ann.get('/compose')).form('/posts'), { text: `Post **${i}** for @bob_same #same`, language: 'en' });
        equal(`post ${i} is made`, page.status, 200);
    }
    posts.push(...(await bob.get('/@ann_same')).links({ prefix: '/@ann_same/' }).map((l) => l.href).filter((h) => /\/\d+$/.test(h)));
    check('posts have addresses', posts.length >= 12);
    const id = posts[0].split('/').pop(), card = (await bob.get('/@ann_same')).links({ prefix: '/@ann_same' });
    check('a profile links to itself', card.length > 0);
    await bob.act(`/posts/${id}/like`);
    await bob.act(`/posts/${id}/repost`);
    await bob.act('/posts', { text: 'An answer', in_reply_to_id: id, audience: 'public' });
}

function pathsOf() {
    const id = posts[0].split('/').pop();
    return ['/', '/local', '/tags', '/tags/same', '/tags/same/feed.atom', '/@ann_same', '/@ann_same/replies', '/@ann_same/followers', '/@ann_same/following',
        '/@ann_same/feed.atom', '/@bob_same', '/@nobody_same', '/@ann_same/1', ...posts.slice(0, 4), `/posts/${id}/likes`, `/posts/${id}/reposts`,
        `/posts/${id}/history`, '/posts/1/likes', '/directory', '/directory?query=ann', '/about', '/login', '/signup', '/network', '/bookmarks', '/likes',
        '/compose', '/settings', '/settings/account', '/settings/sessions', '/settings/privacy', '/settings/appearance', '/settings/activity',
        '/settings/blocks', '/settings/mutes', '/admin/members', '/admin/audit', '/invites', '/fragment/local', '/fragment/home', '/not/there', '/@ann_same/',
        '/reset', '/confirm', '/@x', '/posts', '/local?max_id=abc', '/tags/%20', '/@ann_same/avatar.svg'];
}

const beside = (client) => {
    const other = new Client({ base: twin });
    other.cookies = client.cookies;
    return other;
};

await part('fill', fill);
await until(async () => /"waiting":0|^\S+\s+0\b/m.test(await deeplink('events', 'lag')), 'quiet consumers', 20).catch(() => {});
const who = { nobody: new Client(), 'a member': bob, 'an administrator': admin };
for (const [name, client] of Object.entries(who))
    await part(`as ${name}`, async () => {
        for (const path of pathsOf())
            await same(client, beside(client), path);
    });
await part('in German', async () => {
    for (const path of ['/', '/@ann_same', '/@nobody_same', '/login'])
        await same(bob, beside(bob), path, { headers: { 'accept-language': 'de' } });
});
await part('errors as JSON', async () => {
    for (const path of ['/@nobody_same', '/posts/1/likes', '/not/there', '/settings'])
        await same(who.nobody, beside(who.nobody), path, { headers: { accept: 'application/json' } });
});
await part('wrong forms', async () => {
    for (const [path, fields] of [['/posts', { text: '' }], ['/posts', { text: 'x'.repeat(6000) }], ['/settings/profile', { name: '', headline: 'y'.repeat(300) }],
        ['/settings/password', { current: 'wrong', password: 'short' }], ['/members/1/follow', {}], ['/posts/1/like', {}]]) {
        const answers = [];
        for (const client of [bob, beside(bob)]) {
            client.token = bob.token ?? await bob.csrf();
            answers.push(await client.act(path, fields, { follow: false }));
        }
        equal(`${path}: a wrong form's status`, answers[0].status, answers[1].status);
        equal(`${path}: a wrong form's page`, mask(answers[0].html), mask(answers[1].html));
        check(`${path}: it is refused`, answers[0].status >= 400, answers[0].status);
    }
});
await part('what one does in one shape is seen in the other', async () => {
    const other = beside(ann);
    equal('a change is made', (await ann.submit((await ann.get('/settings/profile')).form('/settings/profile'), { name: 'Ann Anew' })).status, 200);
    check('and seen by the twin', (await profile(other)).length > 0 && (await other.get('/@ann_same')).title.includes('Ann Anew'));
    await same(bob, beside(bob), '/@ann_same');
    check('somebody who was logged in by the twin is logged in here', (await (await logIn('bob_same')).get('/settings')).status === 200);
});
await server('stop', 'twin');
await finish();
