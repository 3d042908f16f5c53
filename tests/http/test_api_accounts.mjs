// Accounts and relations as programs see them, through nginx with tokens: the entities' shapes, one's own account, follows,
// requests, blocks, mutes, notes, lists to their end, suggestions, the directory, search, markers, preferences, errors.
// harness: set rate_limits = no
// harness: again on kafka
import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';

import { BASE, Client, check, deeplink, equal, finish, member, part, token, until } from './lib.mjs';

const run = promisify(execFile);
const anon = new Client();
const sql = async (text) => (await run('psql', [process.env.TEST_PG_ADMIN, '-qAtc', text])).stdout.trim();

/** Somebody who asks with a token: api('GET', path, fields). */
function asker(secret) {
    const client = new Client();
    const ask = (method, target, fields) => client.json(method, target, fields, { token: secret });
    ask.get = (target) => ask('GET', target);
    ask.post = (target, fields = {}) => ask('POST', target, fields);
    ask.patch = (target, fields) => ask('PATCH', target, fields);
    return ask;
}

async function person(handle, options = {}) {
    await member(handle, options);
    const api = asker(await token(handle));
    api.id = (await api.get('/api/v1/accounts/verify_credentials')).data.id;
    return api;
}

const relation = async (who, whom) => (await who.get(`/api/v1/accounts/relationships?id[]=${whom.id}`)).data[0];

/** rel → path and query of the Link header. */
function links(answer) {
    const found = {};
    for (const [, url, rel] of (answer.headers.link ?? '').matchAll(/<([^>]+)>; rel="(\w+)"/g))
        found[rel] = url.replace(BASE, '');
    return found;
}

/** All of a list, page by page; `between` runs after the first page. */
async function walk(api, target, rel = 'next', between = async () => {}) {
    const ids = [];
    for (let next = target, pages = 0; next && pages < 50; pages++) {
        const answer = await api.get(next);
        if (answer.status !== 200)
            throw new Error(`${next}: ${answer.status} ${answer.html}`);
        if (rel === 'next')
            ids.push(...answer.data.map((a) => a.id));
        else
            ids.unshift(...answer.data.map((a) => a.id));
        if (pages === 0)
            await between();
        next = links(answer)[rel];
    }
    return ids;
}

const ada = await person('ada', { name: 'Ada Lovelace' });
const bob = await person('bob', { name: 'Bob' });
const cyd = await person('cyd', { name: 'Cyd' });

await part('the entity', async () => {
    const a = (await ada.get(`/api/v1/accounts/${bob.id}`)).data;
    const strings = ['id', 'username', 'acct', 'url', 'uri', 'display_name', 'note', 'avatar', 'avatar_static', 'header', 'header_static',
        'created_at'];
    for (const name of strings)
        equal(`${name} is text`, typeof a[name], 'string');
    for (const name of ['locked', 'bot', 'group', 'discoverable', 'indexable', 'noindex', 'hide_collections'])
        equal(`${name} is yes or no`, typeof a[name], 'boolean');
    for (const name of ['followers_count', 'following_count', 'statuses_count'])
        equal(`${name} is a number`, a[name], 0);
    for (const name of ['fields', 'emojis', 'roles'])
        equal(`${name} is a list`, a[name], []);
    equal('last_status_at', a.last_status_at, null);
    check('created_at', /^\d{4}-\d\d-\d\dT00:00:00\.000Z$/.test(a.created_at), a.created_at);
    check('neither moved nor suspended', !('moved' in a) && !('suspended' in a));
    equal('acct', [a.username, a.acct, a.url], ['bob', 'bob', `${BASE}/@bob`]);
    for (const url of [a.avatar, a.header]) {
        const picture = await anon.request('GET', url);
        equal('a picture answers', [picture.status, picture.headers['content-type']], [200, 'image/png']);
        equal('it is a PNG', picture.body.subarray(1, 4).toString(), 'PNG');
        check('it may be kept and shown elsewhere', /immutable/.test(picture.headers['cache-control']) &&
            picture.headers['cross-origin-resource-policy'] === 'cross-origin');
    }
    equal('no such picture', (await anon.get('/avatars/x.png')).status, 404);
    equal('without a token too', (await anon.json('GET', `/api/v1/accounts/${bob.id}`)).data.id, bob.id);
    equal('it says application/json', (await anon.json('GET', `/api/v1/accounts/${bob.id}`)).headers['content-type'], 'application/json');
    const none = await ada.get('/api/v1/accounts/1');
    equal('no such member', [none.status, typeof none.data.error, none.headers['content-type']], [404, 'string', 'application/json']);
    equal('no id', (await ada.get('/api/v1/accounts/x')).status, 404);
    equal('several', (await ada.get(`/api/v1/accounts?id[]=${cyd.id}&id[]=1&id[]=${bob.id}`)).data.map((x) => x.id), [cyd.id, bob.id]);
    equal('by name', (await anon.json('GET', '/api/v1/accounts/lookup?acct=BOB')).data.id, bob.id);
    equal('by name and site', (await anon.json('GET', `/api/v1/accounts/lookup?acct=bob@${new URL(BASE).host}`)).data.id, bob.id);
    equal('of another site', (await anon.json('GET', '/api/v1/accounts/lookup?acct=bob@elsewhere.example')).status, 404);
    for (const list of ['featured_tags', 'identity_proofs'])
        equal(list, (await ada.get(`/api/v1/accounts/${bob.id}/${list}`)).data, []);
    for (const list of ['domain_blocks', 'endorsements'])
        equal(list, (await ada.get(`/api/v1/${list}`)).data, []);
});

await part('one\'s own account', async () => {
    equal('needs a token', (await anon.json('GET', '/api/v1/accounts/verify_credentials')).status, 401);
    const a = (await ada.get('/api/v1/accounts/verify_credentials')).data;
    equal('source', a.source, { privacy: 'public', sensitive: false, language: null, note: '', fields: [], follow_requests_count: 0,
        hide_collections: false, discoverable: true, indexable: true, attribution_domains: [] });
    equal('role', a.role, { id: '-99', name: '', permissions: '0', color: '', highlighted: false });
    let b = (await ada.patch('/api/v1/accounts/update_credentials', { display_name: 'Countess', note: 'Works on *engines*', locked: true,
        source: { privacy: 'private', sensitive: true, language: 'en' },
        fields_attributes: [{ name: 'Site', value: 'https://example.org/' }, { name: 'City', value: 'London' }] })).data;
    equal('JSON changes it', [b.display_name, b.locked, b.source.note, b.source.privacy, b.source.sensitive, b.source.language],
        ['Countess', true, 'Works on *engines*', 'private', true, 'en']);
    check('the bio as HTML', b.note.includes('<em>engines</em>'), b.note);
    equal('fields', b.fields.map((f) => [f.name, f.verified_at]), [['Site', null], ['City', null]]);
    check('an address is a link', b.fields[0].value.startsWith('<a href="https://example.org/"'), b.fields[0].value);
    equal('fields as typed', b.source.fields[0].value, 'https://example.org/');
    equal('preferences', (await ada.get('/api/v1/preferences')).data, { 'posting:default:visibility': 'private',
        'posting:default:sensitive': true, 'posting:default:language': 'en', 'reading:expand:media': 'default',
        'reading:expand:spoilers': false, 'reading:autoplay:gifs': false });
    const secret = await token('ada'), raw = new Client();
    const send = (type, body) => raw.request('PATCH', '/api/v1/accounts/update_credentials',
        { headers: { authorization: `Bearer ${secret}`, 'content-type': type }, body });
    b = (await send('application/x-www-form-urlencoded',
        'locked=false&fields_attributes[0][name]=A&fields_attributes[0][value]=1&fields_attributes[1][name]=B&fields_attributes[1][value]=2')).json();
    equal('a form changes what it says', [b.locked, b.display_name, b.fields.map((f) => f.name).join()], [false, 'Countess', 'A,B']);
    b = (await send('application/x-www-form-urlencoded',
        'fields_attributes[][name]=C&fields_attributes[][value]=1&fields_attributes[][name]=D&fields_attributes[][value]=2')).json();
    equal('fields as a list', b.source.fields.map((f) => `${f.name}=${f.value}`), ['C=1', 'D=2']);
    const multi = (name, value, more = '') => `--x\r\nContent-Disposition: form-data; name="${name}"${more}\r\n\r\n${value}\r\n--x--\r\n`;
    b = (await send('multipart/form-data; boundary=x', multi('display_name', 'Ada'))).json();
    equal('multipart too', b.display_name, 'Ada');
    const refused = await send('multipart/form-data; boundary=x', multi('avatar', 'GIF89a', '; filename="a.gif"'));
    equal('pictures are refused', [refused.status, typeof refused.json().error], [422, 'string']);
    const five = Object.fromEntries([0, 1, 2, 3, 4].map((i) => [i, { name: `n${i}`, value: 'v' }]));
    equal('five fields', (await ada.patch('/api/v1/accounts/update_credentials', { fields_attributes: five })).status, 422);
    equal('a name too long', (await ada.patch('/api/v1/accounts/update_credentials', { display_name: 'x'.repeat(51) })).status, 422);
    equal('no such audience', (await ada.patch('/api/v1/accounts/update_credentials', { source: { privacy: 'all' } })).status, 422);
    for (const wrong of [{ header: {} }, { avatar: [] }, { display_name: ['Ada'] }, { display_name: false }, { note: 1 }, { locked: { yes: true } }]) {
        const { status, data } = await ada.patch('/api/v1/accounts/update_credentials', wrong);
        equal(`no single value: ${JSON.stringify(wrong)}`, [status, Object.keys(data.details ?? {})], [422, Object.keys(wrong)]);
    }
    for (const id of [[{}], {}, [null], { 0: { x: '1' } }])
        equal(`no list of values: ${JSON.stringify(id)}`, (await ada.post('/api/v1/notifications/requests/accept', { id })).status, 422);
    equal('null is nothing said', (await ada.patch('/api/v1/accounts/update_credentials', { header: null, display_name: null })).data.display_name, 'Ada');
    equal('nothing of it was kept', (await ada.get('/api/v1/accounts/verify_credentials')).data.source.fields.length, 2);
    const reader = asker(await token('ada', 'read'));
    equal('a scope too little', (await reader.patch('/api/v1/accounts/update_credentials', { locked: true })).status, 403);
    await ada.patch('/api/v1/accounts/update_credentials', { source: { privacy: 'public', sensitive: false }, fields_attributes: { 0: {
        name: '', value: '' } } });
    equal('fields can go', (await ada.get('/api/v1/accounts/verify_credentials')).data.fields, []);
});

await part('follows', async () => {
    const r = (await ada.post(`/api/v1/accounts/${bob.id}/follow`)).data;
    equal('the relationship', r, { id: bob.id, following: true, showing_reblogs: true, notifying: false, languages: null, followed_by: false,
        blocking: false, blocked_by: false, muting: false, muting_notifications: false, muting_expires_at: null, requested: false,
        requested_by: false, domain_blocking: false, endorsed: false, note: '' });
    equal('the other side', (await relation(bob, ada)).followed_by, true);
    equal('counted at once', (await ada.get(`/api/v1/accounts/${bob.id}`)).data.followers_count, 1);
    equal('oneself', (await ada.post(`/api/v1/accounts/${ada.id}/follow`)).status, 422);
    equal('nobody', (await ada.post('/api/v1/accounts/1/follow')).status, 404);
    equal('without a token', (await anon.json('POST', `/api/v1/accounts/${bob.id}/follow`, {})).status, 401);
    equal('followers', (await anon.json('GET', `/api/v1/accounts/${bob.id}/followers`)).data.map((a) => a.id), [ada.id]);
    equal('following', (await ada.get(`/api/v1/accounts/${ada.id}/following`)).data.map((a) => a.id), [bob.id]);
    equal('a follower is removed', (await bob.post(`/api/v1/accounts/${ada.id}/remove_from_followers`)).data.followed_by, false);
    const brings = (v) => [v.following || v.requested, v.showing_reblogs, v.notifying, v.languages];
    const follow = async (fields) => brings((await ada.post(`/api/v1/accounts/${bob.id}/follow`, fields)).data);
    equal('what a follow brings', await follow({ reblogs: false, notify: true }), [true, false, true, null]);
    equal('what is not said stays', await follow({ languages: ['en', 'pt-BR'] }), [true, false, true, ['en', 'pt-BR']]);
    equal('nothing said, nothing changed', await follow({}), [true, false, true, ['en', 'pt-BR']]);
    equal('it is kept', brings(await relation(ada, bob)), [true, false, true, ['en', 'pt-BR']]);
    equal('no language', (await ada.post(`/api/v1/accounts/${bob.id}/follow`, { languages: ['<b>'] })).status, 422);
    for (const languages of [[false], [1], ['en', true], 'en'])
        equal(`languages: ${JSON.stringify(languages)}`, (await ada.post(`/api/v1/accounts/${bob.id}/follow`, { languages })).status, 422);
    equal('too many', (await ada.post(`/api/v1/accounts/${bob.id}/follow`, { languages: Array(21).fill('en') })).status, 422);
    equal('counted once', (await ada.get(`/api/v1/accounts/${bob.id}`)).data.followers_count, 1);
    const say = async (status, more = {}) => (await bob.post('/api/v1/statuses', { status, ...more })).data.id;
    const atHome = async (id) => (await ada.get('/api/v1/timelines/home?limit=40')).data.some((s) => s.id === id);
    const [english, german, unsaid] = [await say('good morning', { language: 'en' }), await say('guten Morgen', { language: 'de' }), await say('...')];
    await until(() => atHome(english), 'the post at home');
    equal('other languages do not come home', [await atHome(german), await atHome(unsaid)], [false, true]);
    const repost = (await bob.post(`/api/v1/statuses/${(await cyd.post('/api/v1/statuses', { status: 'by cyd' })).data.id}/reblog`)).data.id;
    await follow({ reblogs: true });
    await until(() => atHome(repost), 'the repost at home');
    await follow({ reblogs: false, languages: [''] });
    equal('reposts do not, languages do again', [await atHome(repost), await atHome(german)], [false, true]);
    equal('unfollow', (await ada.post(`/api/v1/accounts/${bob.id}/unfollow`)).data.following, false);
    equal('several, in order, once', (await ada.get(`/api/v1/accounts/relationships?id[]=${cyd.id}&id[]=1&id[]=${bob.id}&id[]=${cyd.id}`))
        .data.map((x) => x.id), [cyd.id, bob.id]);
    equal('id without brackets', (await ada.get(`/api/v1/accounts/relationships?id=${bob.id}`)).data.length, 1);
    equal('none asked for', (await ada.get('/api/v1/accounts/relationships')).data, []);
    equal('a note', (await ada.post(`/api/v1/accounts/${bob.id}/note`, { comment: 'met at <work>' })).data.note, 'met at <work>');
    equal('is there', (await relation(ada, bob)).note, 'met at <work>');
    equal('for oneself alone', (await relation(cyd, bob)).note, '');
    equal('and goes', (await ada.post(`/api/v1/accounts/${bob.id}/note`, { comment: '' })).data.note, '');
});

await part('requests', async () => {
    await bob.patch('/api/v1/accounts/update_credentials', { locked: true });
    const r = (await ada.post(`/api/v1/accounts/${bob.id}/follow`, { reblogs: false })).data;
    equal('a locked member is asked', [r.following, r.requested, r.showing_reblogs], [false, true, false]);
    equal('and for more', (await ada.post(`/api/v1/accounts/${bob.id}/follow`, { notify: true })).data.notifying, true);
    equal('requested_by', (await relation(bob, ada)).requested_by, true);
    await cyd.post(`/api/v1/accounts/${bob.id}/follow`);
    equal('the list', (await bob.get('/api/v1/follow_requests')).data.map((a) => a.id), [cyd.id, ada.id]);
    equal('how many', (await bob.get('/api/v1/accounts/verify_credentials')).data.source.follow_requests_count, 2);
    equal('authorize', (await bob.post(`/api/v1/follow_requests/${ada.id}/authorize`)).data.followed_by, true);
    equal('reject', (await bob.post(`/api/v1/follow_requests/${cyd.id}/reject`)).data.requested_by, false);
    equal('once', (await bob.post(`/api/v1/follow_requests/${cyd.id}/reject`)).status, 404);
    const now = await relation(ada, bob);
    equal('ada follows, as asked for', [now.following, now.showing_reblogs, now.notifying], [true, false, true]);
    await bob.patch('/api/v1/accounts/update_credentials', { locked: false });
});

await part('blocks and mutes', async () => {
    const m = (await ada.post(`/api/v1/accounts/${cyd.id}/mute`, { duration: 3600, notifications: true })).data;
    equal('muted', [m.muting, m.muting_notifications], [true, true]);
    const list = (await ada.get('/api/v1/mutes')).data;
    equal('the list', list.map((a) => [a.id, a.mute_expires_at]), [[cyd.id, m.muting_expires_at]]);
    check('its end', Math.abs(new Date(m.muting_expires_at) - Date.now() - 3600e3) < 60e3, m.muting_expires_at);
    await ada.post(`/api/v1/accounts/${cyd.id}/mute`);
    equal('without an end', (await ada.get('/api/v1/mutes')).data[0].mute_expires_at, null);
    equal('unmute', (await ada.post(`/api/v1/accounts/${cyd.id}/unmute`)).data.muting, false);
    equal('block', (await ada.post(`/api/v1/accounts/${bob.id}/block`)).data, { ...(await relation(ada, bob)), blocking: true, following: false });
    equal('the blocks', (await ada.get('/api/v1/blocks')).data.map((a) => a.id), [bob.id]);
    equal('blocked_by', (await relation(bob, ada)).blocked_by, true);
    equal('a blocked member does not see', (await bob.get(`/api/v1/accounts/${ada.id}`)).status, 404);
    equal('nor by name', (await bob.get('/api/v1/accounts/lookup?acct=ada')).status, 404);
    equal('nor in lists', (await bob.get(`/api/v1/accounts?id[]=${ada.id}`)).data, []);
    equal('nor by words', (await bob.get('/api/v2/search?q=ada&type=accounts')).data.accounts, []);
    equal('nor follow', (await bob.post(`/api/v1/accounts/${ada.id}/follow`)).status, 403);
    equal('who blocks still sees', (await ada.get(`/api/v1/accounts/${bob.id}`)).status, 200);
    equal('oneself', (await ada.post(`/api/v1/accounts/${ada.id}/block`)).status, 422);
    equal('unblock', (await ada.post(`/api/v1/accounts/${bob.id}/unblock`)).data.blocking, false);
});

await part('suspended members', async () => {
    const dee = await person('dee');
    await deeplink('user', 'suspend', 'dee');
    const gone = await ada.get(`/api/v1/accounts/${dee.id}`);
    equal('are gone', [gone.status, typeof gone.data.error], [410, 'string']);
    equal('also their lists', (await ada.get(`/api/v1/accounts/${dee.id}/followers`)).status, 410);
    equal('no relationship', (await ada.get(`/api/v1/accounts/relationships?id[]=${dee.id}`)).data, []);
    equal('but when asked for', (await ada.get(`/api/v1/accounts/relationships?id[]=${dee.id}&with_suspended=true`)).data.length, 1);
    equal('not to be found', (await ada.get('/api/v1/accounts/search?q=dee')).data, []);
    equal('not to be followed', (await ada.post(`/api/v1/accounts/${dee.id}/follow`)).status, 404);
    equal('their token opens nothing', (await dee.get('/api/v1/accounts/verify_credentials')).status >= 401, true);
});

const MANY = 205;

await part('long lists', async () => {
    const file = path.join(process.env.TEST_SITE, 'graph.txt');
    await writeFile(file, Array.from({ length: MANY }, (_, i) => `1 ${i + 2}`).join('\n'));
    await deeplink('import', 'graph', file);
    const hub = asker(await token('u1'));
    hub.id = (await hub.get('/api/v1/accounts/verify_credentials')).data.id;
    const everybody = (await sql(`SELECT id FROM users.accounts WHERE handle ~ '^u[0-9]+$' AND handle <> 'u1'`)).split('\n').sort();
    equal('so many', everybody.length, MANY);
    for (const [table, columns] of [['requests', 'target_id, requester_id'], ['blocks', 'blocker_id, blocked_id'],
        ['mutes', 'muter_id, muted_id']])
        await sql(`INSERT INTO connections.${table} (${columns}, id) SELECT ${ada.id}, id, 1000 + row_number() OVER (ORDER BY id)
            FROM users.accounts WHERE handle ~ '^u[0-9]+$' AND handle <> 'u1'`);
    const lists = { followers: `/api/v1/accounts/${hub.id}/followers`, following: `/api/v1/accounts/${hub.id}/following` };
    for (const [name, target] of Object.entries(lists)) {
        const all = await walk(hub, `${target}?limit=30`);
        equal(`${name}: each once`, [...all].sort(), everybody);
        equal(`${name}: upwards the same`, await walk(hub, `${target}?limit=80&min_id=1`, 'prev'), all);
        equal(`${name}: at most 80`, (await hub.get(`${target}?limit=500`)).data.length, 80);
        equal(`${name}: 40 unless said`, (await hub.get(target)).data.length, 40);
    }
    const grown = await walk(hub, `${lists.followers}?limit=50`, 'next', async () => {
        await cyd.post(`/api/v1/accounts/${hub.id}/follow`);
    });
    equal('a list that grows stays whole', [...grown].sort(), everybody);
    const first = await hub.get(`${lists.followers}?limit=1`);
    equal('what is new comes first', first.data.map((a) => a.id), [cyd.id]);
    equal('nothing newer', (await hub.get(links(first).prev)).data, []);
    for (const name of ['blocks', 'mutes'])
        equal(`${name}: each once`, [...await walk(ada, `/api/v1/${name}?limit=77`)].sort(), everybody);
    await sql(`DELETE FROM connections.blocks WHERE blocker_id = ${ada.id}`);
    equal('requests: each once', [...await walk(ada, '/api/v1/follow_requests?limit=60')].sort(), everybody);
    equal('since_id', (await ada.get('/api/v1/follow_requests?since_id=1200')).data.length, MANY - 200);
    const paged = [];
    for (let offset = 0, page = [0]; page.length > 0; offset += 80) {
        page = (await anon.json('GET', `/api/v1/directory?limit=80&order=new&offset=${offset}`)).data;
        paged.push(...page.map((a) => a.id));
    }
    equal('the directory: each once', [paged.length, new Set(paged).size], [MANY + 4, MANY + 4]);
    await hub.patch('/api/v1/accounts/update_credentials', { hide_collections: true });
    equal('a private network', (await anon.json('GET', lists.followers)).data, []);
    equal('is not counted', (await anon.json('GET', `/api/v1/accounts/${hub.id}`)).data.followers_count, 0);
    equal('but for oneself', (await hub.get(lists.followers)).data.length, 40);
    equal('and counted', (await hub.get('/api/v1/accounts/verify_credentials')).data.followers_count, MANY + 1);
    await hub.patch('/api/v1/accounts/update_credentials', { hide_collections: false });
});

await part('suggestions and familiar followers', async () => {
    const list = (await cyd.get('/api/v2/suggestions?limit=5')).data;
    equal('five', list.length, 5);
    equal('friends of friends', list[0].sources, ['friends_of_friends']);
    check('with an account', typeof list[0].account.acct === 'string');
    equal('the older form', (await cyd.get('/api/v1/suggestions?limit=5')).data.map((a) => a.id), list.map((s) => s.account.id));
    const one = list[0].account.id;
    equal('dismissed', (await cyd('DELETE', `/api/v1/suggestions/${one}`)).data, {});
    check('does not come again', !(await cyd.get('/api/v2/suggestions?limit=80')).data.some((s) => s.account.id === one));
    const hub = (await cyd.get('/api/v1/accounts/lookup?acct=u1')).data.id;
    equal('whom one knows', (await cyd.get(`/api/v1/accounts/familiar_followers?id[]=${one}&id[]=${bob.id}`)).data
        .map((f) => [f.id, f.accounts.map((a) => a.id)]), [[one, [hub]], [bob.id, []]]);
});

await part('search', async () => {
    equal('a token is needed', (await anon.json('GET', '/api/v1/accounts/search?q=bob')).status, 401);
    equal('a word is needed', (await ada.get('/api/v1/accounts/search')).status, 422);
    equal('by handle', (await ada.get('/api/v1/accounts/search?q=%40bob')).data.map((a) => a.id), [bob.id]);
    equal('by a name\'s beginning', (await bob.get('/api/v1/accounts/search?q=ad')).data.map((a) => a.id), [ada.id]);
    equal('of another site', (await ada.get('/api/v1/accounts/search?q=bob@elsewhere.example&resolve=true')).data, []);
    await bob.patch('/api/v1/accounts/update_credentials', { discoverable: false });
    equal('who hides is found by the whole handle', (await cyd.get('/api/v1/accounts/search?q=bob')).data.length, 1);
    equal('not by a part', (await cyd.get('/api/v1/accounts/search?q=bo')).data.length, 0);
    await ada.post(`/api/v1/accounts/${bob.id}/follow`);
    equal('but by followers', (await ada.get('/api/v1/accounts/search?q=bo&following=true')).data.map((a) => a.id), [bob.id]);
    const pages = [];
    for (let offset = 0, page = [0]; page.length > 0; offset += 80) {
        page = (await ada.get(`/api/v2/search?q=u&type=accounts&limit=40&offset=${offset / 2}`)).data.accounts;
        pages.push(...page.map((a) => a.id));
    }
    equal('pages of one kind', [pages.length, new Set(pages).size], [MANY + 1, MANY + 1]);

    const write = async (who, status, visibility = 'public') => (await who.post('/api/v1/statuses', { status, visibility })).data;
    const open = await write(bob, 'The zebra crossed #zebras'), closed = await write(bob, 'A zebra for followers', 'private');
    const direct = await write(bob, '@cyd a zebra for you', 'direct');
    const found = async (who, more = '') => (await who.get(`/api/v2/search?q=zebra${more}`)).data.statuses.map((s) => s.id);
    equal('who follows finds', await found(ada), [closed.id, open.id]);
    equal('who is addressed finds', await found(cyd), [direct.id, open.id]);
    equal('the author finds', await found(bob), [direct.id, closed.id, open.id]);
    equal('everybody finds what is public', (await anon.json('GET', '/api/v2/search?q=zebra')).data.statuses.map((s) => s.id), [open.id]);
    equal('pages', await found(bob, '&type=statuses&limit=1&offset=1'), [closed.id]);
    equal('below an id', await found(bob, `&max_id=${closed.id}`), [open.id]);
    equal('by author', await found(bob, `&account_id=${ada.id}`), []);
    const all = (await ada.get('/api/v2/search?q=zebra')).data;
    equal('all kinds', Object.keys(all).sort(), ['accounts', 'hashtags', 'statuses']);
    equal('tags', all.hashtags.map((t) => [t.name, t.url]), [['zebras', `${BASE}/tags/zebras`]]);
    equal('the older form', (await ada.get('/api/v1/search?q=zebra')).data.hashtags, ['zebras']);
    equal('by address', (await ada.get(`/api/v2/search?q=${encodeURIComponent(open.url)}`)).data.statuses.map((s) => s.id), [open.id]);
    equal('not what one may not see', (await cyd.get(`/api/v2/search?q=${closed.id}`)).data.statuses, []);
    equal('one kind', (await ada.get('/api/v2/search?q=zebra&type=hashtags')).data.statuses, []);
    equal('no such kind', (await ada.get('/api/v2/search?q=zebra&type=zebras')).status, 422);
    equal('further pages need a token', (await anon.json('GET', '/api/v2/search?q=zebra&type=statuses&offset=1')).status, 401);
    await bob.post(`/api/v1/accounts/${ada.id}/block`);
    equal('a block hides at once', await found(ada), []);
    await bob.post(`/api/v1/accounts/${ada.id}/unblock`);
    await bob('DELETE', `/api/v1/statuses/${open.id}`);
    equal('what is deleted is gone', (await anon.json('GET', '/api/v2/search?q=zebra')).data.statuses, []);
    await bob.patch('/api/v1/accounts/update_credentials', { indexable: false });
    equal('who does not want to be found', await found(cyd), []);
});

await part('markers', async () => {
    equal('none yet', (await ada.get('/api/v1/markers?timeline[]=home&timeline[]=notifications')).data, {});
    const set = (await ada.post('/api/v1/markers', { home: { last_read_id: '103' } })).data;
    equal('set', [Object.keys(set), set.home.last_read_id, set.home.version], [['home'], '103', 1]);
    check('its time', /^\d{4}-\d\d-\d\dT[\d:]{8}\.\d{3}Z$/.test(set.home.updated_at), set.home.updated_at);
    equal('again', (await ada.post('/api/v1/markers', { home: { last_read_id: 110, version: 1 } })).data.home.version, 2);
    const late = await ada.post('/api/v1/markers', { home: { last_read_id: 120, version: 1 }, notifications: { last_read_id: 5 } });
    equal('who comes late is told', [late.status, typeof late.data.error], [409, 'string']);
    const now = (await ada.get('/api/v1/markers?timeline[]=home&timeline[]=notifications')).data;
    equal('and nothing was changed', [now.home.last_read_id, Object.keys(now)], ['110', ['home']]);
    await ada.post('/api/v1/markers', { notifications: { last_read_id: 7 } });
    equal('each by itself', (await ada.get('/api/v1/markers?timeline[]=home')).data.home.version, 2);
    equal('of others nothing', (await bob.get('/api/v1/markers?timeline[]=home')).data, {});
    const two = await Promise.all([1, 2, 3, 4].map((i) => ada.post('/api/v1/markers', { home: { last_read_id: 200 + i, version: 2 } })));
    equal('one of four at once wins', two.map((x) => x.status).sort(), [200, 409, 409, 409]);
    equal('no id', (await ada.post('/api/v1/markers', { home: { last_read_id: 'x' } })).status, 422);
});

await finish();
