// Lists of members as programs keep and read them, through nginx with tokens: the entity, who may be on one, its timeline page
// by page, what replies it shows, exclusive lists and home, what ends with a follow.
// harness: set rate_limits = no
// harness: again on kafka
import { BASE, Client, check, equal, finish, latestFirst, member, part, token, until } from './lib.mjs';

const client = new Client();
const people = {};
for (const handle of ['ada', 'ben', 'cleo', 'dan']) {
    await member(handle);
    const secret = await token(handle), ask = (method, path, fields) => client.json(method, `/api/v1${path}`, fields, { token: secret });
    people[handle] = { handle, secret, ask, id: (await ask('GET', '/accounts/verify_credentials')).data.id };
}
const { ada, ben, cleo, dan } = people;
const follow = (who, whom) => who.ask('POST', `/accounts/${whom.id}/follow`);
const write = async (who, status, more = {}) => (await who.ask('POST', '/statuses', { status, ...more })).data.id;
const put = (who, list, ...members) => who.ask('POST', `/lists/${list}/accounts`, { account_ids: members.map((m) => m.id) });
const shown = async (who, path) => (await who.ask('GET', path)).data.map((s) => s.id);
const lists = async (who) => (await who.ask('GET', '/lists')).data;

/** All of a list, page by page. */
async function walk(who, path) {
    const ids = [];
    for (let next = path, pages = 0; next && pages < 50; pages++) {
        const answer = await who.ask('GET', next);
        ids.push(...answer.data.map((one) => one.id));
        next = /<([^>]+)>; rel="next"/.exec(answer.headers.link ?? '')?.[1].replace(`${BASE}/api/v1`, '');
    }
    return ids;
}

let list;

await part('the entity', async () => {
    equal('none yet', await lists(ada), []);
    const made = await ada.ask('POST', '/lists', { title: ' Friends ' });
    list = made.data.id;
    equal('a list', [made.status, made.data], [200, { id: list, title: 'Friends', replies_policy: 'list', exclusive: false }]);
    equal('among one\'s own', await lists(ada), [made.data]);
    equal('alone', (await ada.ask('GET', `/lists/${list}`)).data, made.data);
    const changed = await ada.ask('PUT', `/lists/${list}`, { title: 'Close ones', replies_policy: 'none' });
    equal('changed', changed.data, { id: list, title: 'Close ones', replies_policy: 'none', exclusive: false });
    equal('one thing alone', (await ada.ask('PUT', `/lists/${list}`, { exclusive: true })).data, { ...changed.data, exclusive: true });
    await ada.ask('PUT', `/lists/${list}`, { exclusive: false, replies_policy: 'list' });
    for (const [what, fields] of Object.entries({ nothing: {}, blank: { title: ' ' }, policy: { title: 'x', replies_policy: 'all' }, long: { title: 'x'.repeat(201) } }))
        equal(`refused: ${what}`, (await ada.ask('POST', '/lists', fields)).status, 422);
    equal('no name is left empty', (await ada.ask('PUT', `/lists/${list}`, { title: '' })).status, 422);
    const other = (await ada.ask('POST', '/lists', { title: 'Gone', replies_policy: 'followed', exclusive: true })).data;
    equal('with all of it', [other.replies_policy, other.exclusive], ['followed', true]);
    const gone = await ada.ask('DELETE', `/lists/${other.id}`);
    equal('deleted', [gone.status, gone.data, (await ada.ask('GET', `/lists/${other.id}`)).status], [200, {}, 404]);
    equal('no id', (await ada.ask('GET', '/lists/x')).status, 404);
});

await part('scopes', async () => {
    const reads = await token('ada', 'read:lists'), writes = await token('ada', 'write:lists'), posts = await token('ada', 'read:statuses');
    const status = async (secret, method, path, fields) => (await client.json(method, `/api/v1${path}`, fields, { token: secret })).status;
    equal('reading', [await status(reads, 'GET', '/lists'), await status(reads, 'GET', `/timelines/list/${list}`), await status(reads, 'POST', '/lists', { title: 'x' })], [200, 200, 403]);
    equal('writing', [await status(writes, 'GET', '/lists'), await status(writes, 'PUT', `/lists/${list}`, { title: 'Friends' })], [403, 200]);
    equal('another', [await status(posts, 'GET', '/lists'), await status(posts, 'GET', `/timelines/list/${list}`)], [403, 403]);
    equal('no token', (await client.json('GET', '/api/v1/lists')).status, 401);
});

await part('who is on it', async () => {
    equal('nobody whom one does not follow', (await put(ada, list, ben)).status, 404);
    await follow(ada, ben);
    equal('nor among others', (await put(ada, list, ben, cleo)).status, 404);
    equal('… and then nobody', (await ada.ask('GET', `/lists/${list}/accounts`)).data, []);
    await follow(ada, cleo);
    const put_on = await put(ada, list, ben, cleo);
    equal('both', [put_on.status, put_on.data], [200, {}]);
    equal('once', (await put(ada, list, ben)).status, 422);
    equal('nothing said', (await ada.ask('POST', `/lists/${list}/accounts`, {})).status, 422);
    equal('who', (await ada.ask('GET', `/lists/${list}/accounts`)).data.map((a) => a.acct).sort(), ['ben', 'cleo']);
    equal('page by page', (await walk(ada, `/lists/${list}/accounts?limit=1`)).sort(), [ben.id, cleo.id].sort());
    const all = await ada.ask('GET', `/lists/${list}/accounts?limit=0`);
    equal('all at once', [all.data.length, all.headers.link], [2, undefined]);
    equal('lists that hold ben', (await ada.ask('GET', `/accounts/${ben.id}/lists`)).data.map((l) => l.id), [list]);
    equal('… of ben himself: none', (await ben.ask('GET', `/accounts/${ben.id}/lists`)).data, []);
    const off = await ada.ask('DELETE', `/lists/${list}/accounts`, { account_ids: [cleo.id] });
    equal('one less', [off.status, off.data, (await ada.ask('GET', `/lists/${list}/accounts`)).data.map((a) => a.acct)], [200, {}, ['ben']]);
    equal('again', (await ada.ask('DELETE', `/lists/${list}/accounts?account_ids[]=${cleo.id}`)).status, 200);
    for (const [method, path] of [['GET', ''], ['PUT', ''], ['GET', '/accounts'], ['POST', '/accounts'], ['DELETE', '/accounts'], ['DELETE', '']])
        equal(`another's: ${method} ${path}`, (await ben.ask(method, `/lists/${list}${path}`, method === 'GET' ? undefined : { title: 'x', account_ids: [dan.id] })).status, 404);
    equal('another\'s timeline', (await ben.ask('GET', `/timelines/list/${list}`)).status, 404);
});

await part('its timeline', async () => {
    const path = `/timelines/list/${list}`, written = [];
    for (let i = 0; i < 25; i++)
        written.push(await write(ben, `post ${i}`, { visibility: ['public', 'unlisted', 'private'][i % 3] }));
    const latest = latestFirst(written);
    await write(cleo, 'not on the list');
    const page = (await ada.ask('GET', path)).data;
    equal('twenty', page.map((s) => s.id), latest.slice(0, 20));
    equal('the reader\'s own state', page[0].favourited, false);
    equal('all of them', await walk(ada, `${path}?limit=7`), latest);
    equal('since', await shown(ada, `${path}?since_id=${latest[3]}`), latest.slice(0, 3));
    equal('upwards', await shown(ada, `${path}?min_id=${latest[3]}&limit=2`), latest.slice(1, 3));
    const original = await write(cleo, 'worth repeating');
    const boost = (await ben.ask('POST', `/statuses/${original}/reblog`)).data.id;
    check('reposts', (await shown(ada, path)).includes(boost));
    await ada.ask('POST', `/accounts/${ben.id}/follow`, { reblogs: false });
    check('not those that the follow leaves out', !(await shown(ada, path)).includes(boost));
    await ada.ask('POST', `/accounts/${ben.id}/follow`, { reblogs: true });
    await ada.ask('POST', `/accounts/${ben.id}/mute`);
    equal('who is muted is silent', await shown(ada, path), []);
    await ada.ask('POST', `/accounts/${ben.id}/unmute`);
    check('and back', (await shown(ada, path)).includes(boost));
});

await part('replies', async () => {
    const path = `/timelines/list/${list}`;
    const answer = async (to) => write(ben, 'a comment', { in_reply_to_id: await write(to, 'what do you think?') });
    const toCleo = await answer(cleo), toDan = await answer(dan), toAda = await answer(ada), own = await answer(ben);
    const seen = async (policy) => {
        await ada.ask('PUT', `/lists/${list}`, { replies_policy: policy });
        const ids = await shown(ada, path);
        return [toCleo, toDan, toAda, own].map((id) => ids.includes(id));
    };
    equal('to members of the list', await seen('list'), [false, false, true, true]);
    equal('to anybody one follows', await seen('followed'), [true, false, true, true]);
    await put(ada, list, cleo);
    equal('none', await seen('none'), [false, false, true, true]);
    equal('to a new member of it', await seen('list'), [true, false, true, true]);
});

await part('exclusive', async () => {
    const id = await write(ben, 'for the list or for home');
    await until(async () => (await shown(ada, '/timelines/home')).includes(id), 'home');
    await ada.ask('PUT', `/lists/${list}`, { exclusive: true });
    check('out of home at once', !(await shown(ada, '/timelines/home')).includes(id));
    check('and still in the list', (await shown(ada, `/timelines/list/${list}`)).includes(id));
    await ada.ask('DELETE', `/lists/${list}/accounts`, { account_ids: [ben.id] });
    check('back with who leaves the list', (await shown(ada, '/timelines/home')).includes(id));
    await put(ada, list, ben);
    check('out again', !(await shown(ada, '/timelines/home')).includes(id));
    await ada.ask('PUT', `/lists/${list}`, { exclusive: false });
    check('and back', (await shown(ada, '/timelines/home')).includes(id));
});

await part('what ends it', async () => {
    const members = async () => (await ada.ask('GET', `/lists/${list}/accounts`)).data.map((a) => a.acct).sort();
    equal('before', await members(), ['ben', 'cleo']);
    await ada.ask('POST', `/accounts/${ben.id}/unfollow`);
    equal('an unfollow', await members(), ['cleo']);
    await cleo.ask('POST', `/accounts/${ada.id}/block`);
    equal('a block', await members(), []);
    equal('an empty timeline', await shown(ada, `/timelines/list/${list}`), []);
    for (let i = (await lists(ada)).length; i < 100; i++)
        await ada.ask('POST', '/lists', { title: `List ${i}` });
    const more = await ada.ask('POST', '/lists', { title: 'One more' });
    equal('a hundred are enough', [more.status, (await lists(ada)).length], [422, 100]);
});

await finish();
