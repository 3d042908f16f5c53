// Streams as programs and pages open them, through nginx, at two hubs side by side: who is let in, what comes, what does
// not, and how they go on after a cut.
// harness: alone
// harness: set rate_limits = no
// harness: again on kafka
// harness: set stream_workers = 2
import { Client, check, deeplink, equal, finish, logIn, member, part, server, sleep, token, until } from './lib.mjs';
import { Events, Socket, heard, one as oneOf } from './lib_streams.mjs';

const api = new Client();
const names = ['ada', 'ben', 'cleo', 'dan'];
const clients = {}, tokens = {}, ids = {};
for (const name of names) {
    clients[name] = await member(name);
    tokens[name] = await token(name);
    ids[name] = (await api.json('GET', '/api/v1/accounts/verify_credentials', undefined, { token: tokens[name] })).data.id;
}
const ask = (who, method, path, fields) => api.json(method, path, fields, { token: tokens[who] });
const post = async (who, status, more = {}) => (await ask(who, 'POST', '/api/v1/statuses', { status, ...more })).data;
const follow = (who, whom) => ask(who, 'POST', `/api/v1/accounts/${ids[whom]}/follow`);
const cookie = (client) => [...client.cookies].map(([k, v]) => `${k}=${v}`).join('; ');
const words = (list) => list.map((s) => s.content?.replace(/<[^>]*>/g, '') ?? s);

// What has been written after everything else has come by: then all that is to come has come.
async function settled(stream, who = 'ada') {
    const last = await post(who, `end ${Math.random()}`);
    await until(() => stream.of('update').some((s) => s.id === last.id), 'the last post');
    return last.id;
}

await part('who is let in', async () => {
    equal('health', (await api.send('GET', '/api/v1/streaming/health')).html, 'OK');
    equal('no token', (await Events.open('/api/v1/streaming/user')).status, 401);
    equal('no token on a socket', (await Socket.open()).refused, 401);
    equal('a wrong one', (await Socket.open('?access_token=nonsense')).refused, 401);
    equal('a session is no token', (await Events.open('/api/v1/streaming/user', { cookie: cookie(clients.ada) })).status, 401);
    const header = await Socket.open('', { token: tokens.ada }), query = await Socket.open(`?access_token=${tokens.ada}`),
        protocol = await Socket.open('', { protocols: [tokens.ada] });
    for (const [name, socket] of Object.entries({ header, query, protocol }))
        check(`a token by ${name}`, socket.refused === undefined && socket.closed === undefined, socket.refused);
    equal('the subprotocol comes back', protocol.ws.protocol, tokens.ada);
    const events = await Events.open('/api/v1/streaming/user', { token: tokens.ada });
    equal('an EventSource', [events.status, events.headers['content-type']], [200, 'text/event-stream']);
    await until(() => events.retry > 0, 'its retry');
    for (const open of [header, query, protocol, events])
        open.close();
    equal('no WebSocket', (await ask('ada', 'GET', '/api/v1/streaming')).status, 400);
    equal('an unknown stream', (await ask('ada', 'GET', '/api/v1/streaming/nonsense')).status, 404);
    equal('a tag is missing', (await ask('ada', 'GET', '/api/v1/streaming/hashtag')).data.error, 'Missing tag name parameter');
    equal('there are no lists', (await ask('ada', 'GET', '/api/v1/streaming/list?list=1')).data.error, 'Not authorized to stream this list');
    equal('nobody comes to the hub but by a ticket', (await api.get('/-/stream?t=x')).status, 404);
    const instance = (await ask('ada', 'GET', '/api/v2/instance')).data;
    check('the instance says where', instance.configuration.urls.streaming.startsWith('ws://'), instance.configuration.urls.streaming);
    check('the hub counts', /deeplink_streams\{hub="0"\} \d+/.test((await api.get('/metrics/streams')).html));
});

await part('scopes', async () => {
    const posts = await token('ada', 'read:statuses'), notes = await token('ada', 'read:notifications'), none = await token('ada', 'write');
    equal('no reading', (await api.json('GET', '/api/v1/streaming/user', undefined, { token: none })).status, 403);
    equal('posts need their scope', (await api.json('GET', '/api/v1/streaming/user', undefined, { token: notes })).data.error,
        'Access token does not have the required scopes');
    equal('notifications too', (await api.json('GET', '/api/v1/streaming/user/notification', undefined, { token: posts })).status, 401);
    const good = await Events.open('/api/v1/streaming/user/notification', { token: notes });
    equal('… and open with it', good.status, 200);
    good.close();
    const socket = await Socket.open('', { token: notes });
    socket.say({ type: 'subscribe', stream: 'user' });
    equal('on a socket as well', (await socket.errors(1))[0], { error: 'Access token does not have the required scopes', status: 401 });
    socket.close();
});

await part('what comes', async () => {
    await follow('ben', 'ada');
    const home = await Events.open('/api/v1/streaming/user', { token: tokens.ben });
    const socket = await Socket.open('?stream=user', { token: tokens.ben });
    const local = await Events.open('/api/v1/streaming/public/local', { token: tokens.cleo });
    const tag = await Socket.open('', { token: tokens.cleo });
    tag.say({ type: 'subscribe', stream: 'hashtag', tag: 'VÖGEL' });
    tag.say({ type: 'subscribe', stream: 'public' });
    const own = await Events.open('/api/v1/streaming/user', { token: tokens.ada });
    const stranger = await Events.open('/api/v1/streaming/user', { token: tokens.cleo });
    await heard(async () => (await post('ada', 'Do they hear of #vögel')).id, local, oneOf(tag, 'hashtag', 'VÖGEL'), oneOf(tag, 'public'));

    const one = await post('ada', 'See the #vögel'), ofIt = (m) => JSON.parse(m.payload).id === one.id;
    for (const [name, stream] of Object.entries({ home, local, own, socket, byTag: oneOf(tag, 'hashtag', 'VÖGEL'), all: oneOf(tag, 'public') }))
        check(`a post reaches ${name}`, await until(() => stream.of('update').some((s) => s.id === one.id), name));
    const told = home.of('update').find((s) => s.id === one.id);
    equal('it is a Status', [told.account.acct, told.visibility, told.tags[0].name], ['ada', 'public', 'vögel']);
    check('of nobody in particular', !('favourited' in told) && told.favourites_count === 0);
    equal('named as it was asked for', tag.messages.filter(ofIt).map((m) => m.stream).sort(), [['hashtag', 'VÖGEL'], ['public']]);
    equal('its stream on the other socket', socket.messages.filter(ofIt).map((m) => [m.stream, m.event]), [[['user'], 'update']]);

    const before = oneOf(tag, 'public').of('update').length;
    tag.say({ type: 'unsubscribe', stream: 'public' });
    const comment = await post('ben', 'A comment', { in_reply_to_id: one.id }), followers = await post('ada', 'For followers', { visibility: 'private' }),
        direct = await post('ada', 'For @cleo', { visibility: 'direct' }), unlisted = await post('ada', 'Unlisted', { visibility: 'unlisted' });
    await ask('ada', 'PUT', `/api/v1/statuses/${one.id}`, { status: 'See more #vögel' });
    const boost = (await ask('ada', 'POST', `/api/v1/statuses/${comment.id}/reblog`)).data;
    await settled(home);
    await settled(local);
    const at = (stream) => stream.of('update').map((s) => s.id);
    check('followers get what is for them', at(home).includes(followers.id) && at(home).includes(unlisted.id));
    check('… and nobody else', !at(local).includes(followers.id) && !at(stranger).includes(followers.id));
    check('a direct post goes to whom it names', at(stranger).includes(direct.id) && !at(home).includes(direct.id));
    check('unlisted and comments are not local', !at(local).includes(unlisted.id) && !at(local).includes(comment.id));
    check('a comment is not for home', !at(home).includes(comment.id));
    check('a repost is', own.of('update').find((s) => s.id === boost.id)?.reblog.id === comment.id);
    check('but not for the home of whose it is', !at(home).includes(boost.id));
    equal('an edit', words(home.of('status.update')), ['See more #vögel']);
    check('… is told by tag', tag.of('status.update', ['hashtag', 'VÖGEL']).length === 1);
    check('what was unsubscribed is silent', tag.of('update', ['public']).length === before, tag.of('update', ['public']).length);
    await ask('ada', 'DELETE', `/api/v1/statuses/${one.id}`);
    check('a deletion', await until(() => home.of('delete').includes(one.id) && local.of('delete').includes(one.id), 'deletion'));
    const all = at(home);
    equal('each once', all.length, new Set(all).size);
    for (const open of [home, socket, local, tag, own, stranger])
        open.close();
});

await part('what is said wrongly on a socket', async () => {
    const socket = await Socket.open('', { token: tokens.ada });
    for (const said of ['{', '[]', '"subscribe"', { type: 'shout', stream: 'user' }, { type: 'subscribe' }, { type: 'subscribe', stream: 'nonsense' },
        { type: 'subscribe', stream: 'hashtag' }, { type: 'subscribe', stream: 'list', list: '1' }])
        socket.say(said);
    const errors = await socket.errors(8);
    equal('each is answered', errors.map((e) => e.status), [400, 400, 400, 400, 400, 400, 400, 401]);
    equal('the last one', errors[7].error, 'Not authorized to stream this list');
    check('and it stays open', socket.closed === undefined);
    socket.say({ type: 'subscribe', stream: 'user', tag: 'x'.repeat(5000) });
    check('what is too long closes it', await until(() => socket.closed !== undefined, 'the close'), socket.closed);
});

await part('blocks and mutes', async () => {
    const socket = await Socket.open('?stream=public', { token: tokens.dan });
    socket.say({ type: 'subscribe', stream: 'user' });
    await follow('dan', 'ada');
    await heard(async () => (await post('cleo', 'end of waiting')).id, socket);
    await post('cleo', 'before');
    await until(() => words(socket.of('update')).includes('before'), 'the first post');
    await ask('dan', 'POST', `/api/v1/accounts/${ids.cleo}/block`);
    await post('cleo', 'blocked');
    await settled(socket);
    await ask('dan', 'POST', `/api/v1/accounts/${ids.cleo}/unblock`);
    await ask('cleo', 'POST', `/api/v1/accounts/${ids.dan}/block`);
    await post('cleo', 'the other way');
    await settled(socket);
    await ask('cleo', 'POST', `/api/v1/accounts/${ids.dan}/unblock`);
    await ask('dan', 'POST', `/api/v1/accounts/${ids.ben}/mute`);
    await post('ben', 'muted');
    const by = await post('ben', 'muted, reposted');
    await ask('ada', 'POST', `/api/v1/statuses/${by.id}/reblog`);
    await settled(socket);
    await ask('dan', 'POST', `/api/v1/accounts/${ids.ben}/unmute`);
    await post('ben', 'heard again');
    await settled(socket);
    const seen = words(socket.of('update', ['public'])).filter((w) => !w.startsWith('end '));
    equal('only what may be seen', seen, ['before', 'heard again']);
    check('also not as a repost', !socket.of('update', ['user']).some((s) => s.reblog));
    socket.close();
});

await part('going on after a cut', async () => {
    const first = await Events.open('/api/v1/streaming/user', { token: tokens.ben });
    const seen = await settled(first);
    const from = first.lastId;
    check('an id to go on from', /^\d+-\d+$/.test(from), from);
    first.close();
    const missed = [];
    for (let i = 0; i < 60; i++)
        missed.push((await post('ada', `missed ${i}`)).id);
    const second = await Events.open('/api/v1/streaming/user', { token: tokens.ben, lastId: from });
    await settled(second);
    equal('all that was missed, once and in order', second.of('update').map((s) => s.id).slice(0, -1), missed);
    check('and nothing that was seen', !second.of('update').some((s) => s.id === seen));
    equal('nothing was missed', second.of('missed').length, 0);
    const third = await Events.open(`/api/v1/streaming/user?last_event_id=${second.lastId}`, { token: tokens.ben });
    const one = await settled(third);
    equal('by the query too', third.of('update').map((s) => s.id), [one]);
    const old = await Events.open('/api/v1/streaming/user', { token: tokens.ben, lastId: '1000-0' });
    await until(() => old.of('missed').length === 1, 'the word that something is missed');
    const last = await settled(old);
    equal('then it goes on', old.of('update').map((s) => s.id), [last]);
    for (const open of [second, third, old])
        open.close();
});

await part('the end of what let it in', async () => {
    const page = await Events.open('/live', { cookie: cookie(clients.ben) }), other = await logIn('ben');
    const elsewhere = await Events.open('/live', { cookie: cookie(other) });
    const app = await token('ben'), second = await token('ben');
    const socket = await Socket.open('?stream=user', { token: app });
    await until(() => page.of('ready').length === 1 && elsewhere.of('ready').length === 1, 'both pages');
    await other.act('/logout');
    await until(() => elsewhere.closed, 'the page that was logged out');
    equal('it is told so', elsewhere.of('end').length, 1);
    check('the other one stays', !page.closed);
    const list = (await clients.ben.get('/settings/apps')).html;
    check('the token is there', list.includes('/settings/tokens/'));
    const paths = [...list.matchAll(/\/settings\/tokens\/\d+\/end/g)].map(([path]) => path);
    await clients.ben.act([...new Set(paths)][0]).catch(() => {});
    await until(() => socket.closed !== undefined, 'the socket of a token that was revoked');
    check('the page has nothing to do with it', !page.closed);
    const good = (await Socket.open('?stream=user', { token: second })).refused === undefined ? second : app;
    const alive = await Socket.open('?stream=user', { token: good });
    await deeplink('user', 'suspend', 'ben');
    await until(() => page.closed && alive.closed !== undefined, 'all of a suspended member');
    equal('nor may they come back', [(await Events.open('/api/v1/streaming/user', { token: good })).status, (await Events.open('/live', { cookie: cookie(clients.ben) })).status],
        [403, 401]);
    await deeplink('user', 'restore', 'ben');
});

await part('counts of what is open', async () => {
    const shown = await post('ada', 'Watch me'), hidden = await post('cleo', 'Not for dan', { visibility: 'private' });
    const page = await Events.open(`/live?posts[]=${shown.id}&posts[]=${hidden.id}`, { cookie: cookie(clients.dan) });
    await until(() => page.of('ready').length === 1 && page.of('counts').length === 1, 'the counts as they are');
    equal('nobody likes it', page.of('counts')[0], { id: shown.id, version: page.of('counts')[0].version, likes: 0, reposts: 0, comments: 0 });
    await ask('cleo', 'POST', `/api/v1/statuses/${shown.id}/favourite`);
    await until(() => page.of('counts').at(-1).likes === 1, 'the like');
    await ask('cleo', 'POST', `/api/v1/statuses/${hidden.id}/favourite`);
    await post('cleo', 'And a comment', { in_reply_to_id: shown.id });
    await until(() => page.of('counts').at(-1).comments === 1, 'the comment');
    await ask('cleo', 'POST', `/api/v1/statuses/${shown.id}/reblog`);
    await until(() => page.of('counts').at(-1).reposts === 1, 'the repost');
    equal('each change once', page.of('counts').length, 4);
    check('the post is there', hidden.id !== undefined);
    check('nothing of what may not be seen', page.of('counts').every((c) => c.id === shown.id));
    await post('ada', 'For home');
    await until(() => page.of('update').length > 0, 'the post for home');
    equal('of a post a page hears the id', Object.keys(page.of('update')[0]), ['id']);
    page.close();
});

await part('a page with as many posts as may be watched', async () => {
    const shown = [];
    for (let i = 0; i < 60; i++)
        shown.push((await post('ada', `One of many: ${i}`)).id);
    const path = `/live?${shown.map((one) => `posts[]=${one}`).join('&')}`;
    const page = await Events.open(path, { cookie: cookie(await logIn('ben')) });
    equal('it is open', page.status, 200);
    await until(() => page.of('counts').length === 60, 'the counts of all of them');
    await ask('cleo', 'POST', `/api/v1/statuses/${shown[59]}/favourite`);
    await until(() => page.of('counts').at(-1).likes === 1, 'the like of the last one');
    equal('which it is', page.of('counts').at(-1).id, shown[59]);
    page.close();
    const gone = await Events.open(path, { cookie: 'sid=0' });
    equal('who is logged out is told so, and sent nowhere', [gone.status, gone.headers.location], [401, undefined]);
});

await part('hubs die and Redis goes', async () => {
    const stream = await Events.open('/api/v1/streaming/user', { token: tokens.dan });
    await settled(stream);
    await server('kill', 'stream');
    await until(() => stream.closed, 'the stream to be cut');
    await server('start', 'stream');
    const missed = await post('ada', 'while no hub was there');
    let again;
    await until(async () => (again = await Events.open('/api/v1/streaming/user', { token: tokens.dan, lastId: stream.lastId })).status === 200, 'a hub');
    await until(() => again.of('update').some((s) => s.id === missed.id), 'what was missed');
    await server('stop', 'redis');
    await sleep(300);
    await server('start', 'redis');
    await until(async () => (await api.get('/readyz')).status === 200, 'redis', 30);
    const after = await until(async () => {
        const one = await post('ada', 'after redis was away');
        await sleep(200);
        return again.of('update').some((s) => s.id === one?.id) || again.of('missed').length > 0;
    }, 'the stream to go on', 20);
    check('a stream outlives Redis', after && !again.closed);
    again.close();
});

await part('a member leaves', async () => {
    const stream = await Events.open('/api/v1/streaming/user', { token: tokens.cleo });
    equal('a stream', stream.status, 200);
    await deeplink('user', 'delete', 'cleo');
    await until(() => stream.closed, 'the stream of an account that was deleted');
});

await finish();
