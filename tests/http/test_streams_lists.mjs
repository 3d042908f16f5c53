// Streams of lists, through nginx, at two hubs side by side: who may listen, what comes as the list's timeline would show it,
// and that an exclusive list keeps its members' posts off the stream of home.
// harness: alone
// harness: set rate_limits = no
// harness: again on kafka
// harness: set stream_workers = 2
import { Client, check, equal, finish, member, part, token, until } from './lib.mjs';
import { Events, Socket, heard, one as oneOf } from './lib_streams.mjs';

const client = new Client();
const people = {};
for (const handle of ['ada', 'ben', 'cleo', 'dan']) {
    await member(handle);
    const secret = await token(handle), ask = (method, path, fields) => client.json(method, `/api/v1${path}`, fields, { token: secret });
    people[handle] = { secret, ask, id: (await ask('GET', '/accounts/verify_credentials')).data.id };
}
const { ada, ben, cleo, dan } = people;
const write = async (who, status, more = {}) => (await who.ask('POST', '/statuses', { status, ...more })).data.id;
const put = (list, who) => ada.ask('POST', `/lists/${list}/accounts`, { account_ids: [who.id] });
const at = (stream) => stream.of('update').map((s) => s.id);

for (const who of [ben, cleo])
    await ada.ask('POST', `/accounts/${who.id}/follow`);
const list = (await ada.ask('POST', '/lists', { title: 'Friends' })).data.id;
await put(list, ben);
const bens = (await ben.ask('POST', '/lists', { title: 'Of ben' })).data.id;

/** What is written last has come: so has everything else. */
const settled = (...streams) => heard(() => write(ben, `end ${Math.random()}`), ...streams);

await part('who is let in', async () => {
    const open = async (path, who) => { const events = await Events.open(path, { token: who.secret }); events.close?.(); return events.status; };
    equal('the owner', await open(`/api/v1/streaming/list?list=${list}`, ada), 200);
    equal('nobody else', await open(`/api/v1/streaming/list?list=${list}`, ben), 401);
    equal('no such list', [await open('/api/v1/streaming/list?list=1', ada), await open('/api/v1/streaming/list?list=x', ada), await open('/api/v1/streaming/list?list=0', ada)], [401, 401, 401]);
    equal('none said', await open('/api/v1/streaming/list', ada), 400);
    equal('nor on a socket', (await Socket.open(`?stream=list&list=${list}`, { token: ben.secret })).refused, 401);
    const socket = await Socket.open('', { token: ben.secret });
    socket.say({ type: 'subscribe', stream: 'list', list });
    socket.say({ type: 'subscribe', stream: 'list', list: bens });
    socket.say({ type: 'subscribe', stream: 'list', list: `${ada.id}:${list}` });
    const errors = await socket.errors(2);
    equal('another\'s by a message', errors.map((e) => [e.error, e.status]), [['Not authorized to stream this list', 401], ['Not authorized to stream this list', 401]]);
    const own = await Events.open(`/api/v1/streaming/list?list=${list}`, { token: ada.secret });
    await settled(own);
    own.close();
    equal('and nothing comes', socket.messages.filter((m) => m.event), []);
    socket.close();
});

await part('what comes', async () => {
    const events = await Events.open(`/api/v1/streaming/list?list=${list}`, { token: ada.secret });
    const socket = await Socket.open('', { token: ada.secret });
    socket.say({ type: 'subscribe', stream: 'list', list });
    await settled(events, socket);
    const one = await write(ben, 'for everybody'), followers = await write(ben, 'for followers', { visibility: 'private' }), others = await write(cleo, 'not on the list');
    const original = await write(cleo, 'worth repeating'), boost = (await ben.ask('POST', `/statuses/${original}/reblog`)).data.id;
    const direct = await write(ben, 'for @dan', { visibility: 'direct' }), mine = await write(ada, 'mine');
    const toCleo = await write(ben, 'a comment', { in_reply_to_id: others }), toAda = await write(ben, 'a comment', { in_reply_to_id: mine });
    await ben.ask('PUT', `/statuses/${one}`, { status: 'for one and all' });
    await settled(events, socket);
    const wanted = [one, followers, boost, toAda].sort();
    for (const [name, stream] of Object.entries({ events, socket })) {
        equal(`${name}: what the timeline shows`, at(stream).filter((id) => [one, followers, others, original, boost, direct, mine, toCleo, toAda].includes(id)).sort(), wanted);
        equal(`${name}: an edit`, stream.of('status.update').map((s) => s.content), ['<p>for one and all</p>']);
    }
    equal('named as it was asked for', socket.messages.find((m) => m.event === 'update').stream, ['list', list]);
    check('of nobody in particular', !('favourited' in socket.of('update')[0]));
    await ben.ask('DELETE', `/statuses/${one}`);
    check('a deletion', await until(() => events.of('delete').includes(one) && socket.of('delete').includes(one), 'deletion'));
    await ada.ask('PUT', `/lists/${list}`, { replies_policy: 'followed' });
    const now = await write(ben, 'another comment', { in_reply_to_id: others });
    check('replies by what the list says now', await until(() => at(events).includes(now), 'the comment'));
    await ada.ask('POST', `/accounts/${ben.id}/follow`, { reblogs: false });
    const again = (await ben.ask('POST', `/statuses/${await write(cleo, 'once more')}/reblog`)).data.id;
    await settled(events, socket);
    check('what a follow leaves out', !at(events).includes(again));
    await ada.ask('POST', `/accounts/${ben.id}/mute`);
    const muted = await write(ben, 'unheard');
    await put(list, cleo);
    const heard = await write(cleo, 'heard');
    await until(() => at(events).includes(heard), 'who came to the list');
    check('who is muted', !at(events).includes(muted));
    await ada.ask('POST', `/accounts/${ben.id}/unmute`);
    socket.say({ type: 'unsubscribe', stream: 'list', list });
    await settled(events);
    const before = at(socket).length;
    await settled(events);
    equal('unsubscribed', at(socket).length, before);
    await ada.ask('DELETE', `/lists/${list}/accounts`, { account_ids: [cleo.id] });
    const off = await write(cleo, 'off the list');
    await settled(events);
    check('who left it', !at(events).includes(off));
    equal('each once', at(events).length, new Set(at(events)).size);
    events.close();
    socket.close();
});

await part('a new list at once', async () => {
    const socket = await Socket.open('', { token: ada.secret });
    for (let i = 0; i < 5; i++) {
        const fresh = (await ada.ask('POST', '/lists', { title: `List ${i}` })).data.id;
        socket.say({ type: 'subscribe', stream: 'list', list: fresh });
        await put(fresh, ben);
        check(`list ${i}`, await settled(oneOf(socket, 'list', fresh)).catch(() => false));
    }
    equal('no errors', socket.messages.filter((m) => m.error), []);
    socket.close();
});

await part('exclusive', async () => {
    const home = await Events.open('/api/v1/streaming/user', { token: ada.secret }), events = await Events.open(`/api/v1/streaming/list?list=${list}`, { token: ada.secret });
    await settled(home, events);
    await ada.ask('PUT', `/lists/${list}`, { exclusive: true });
    const apart = await write(ben, 'for the list alone'), direct = await write(ben, 'for @ada', { visibility: 'direct' });
    const other = await write(cleo, 'by another');
    await until(() => at(home).includes(other), 'what is for home');
    await until(() => at(events).includes(apart) && at(events).includes(direct), 'what is for the list');
    check('not at home', !at(home).includes(apart) && !at(home).includes(direct));
    const shown = (await ada.ask('GET', '/timelines/home')).data.map((s) => s.id);
    check('as the timeline has it', !shown.includes(apart) && !shown.includes(direct) && shown.includes(other));
    await ada.ask('PUT', `/lists/${list}`, { exclusive: false });
    const back = await write(ben, 'for both again');
    check('and back', await until(() => at(home).includes(back), 'home'));
    home.close();
    events.close();
});

await part('a follow that does not bring all', async () => {
    const home = await Events.open('/api/v1/streaming/user', { token: ada.secret });
    const original = await write(dan, 'by dan');
    const follow = (more) => ada.ask('POST', `/accounts/${ben.id}/follow`, more), reblog = async () => (await ben.ask('POST', `/statuses/${original}/reblog`)).data.id;
    await settled(home);
    await follow({ reblogs: false, languages: ['de'] });
    const narrow = [await reblog(), await write(ben, 'nothing for her', { language: 'en' })], wanted = await write(ben, 'etwas für sie', { language: 'de-AT' });
    await until(() => at(home).includes(wanted), 'what is wanted');
    equal('and no more', narrow.filter((id) => at(home).includes(id)), []);
    const shown = (await ada.ask('GET', '/timelines/home')).data.map((s) => s.id);
    equal('as the timeline has it', [wanted, ...narrow].filter((id) => shown.includes(id)), [wanted]);
    await ben.ask('POST', `/statuses/${original}/unreblog`);
    await follow({ reblogs: true, languages: [] });
    const all = [await reblog(), await write(ben, 'for her, too', { language: 'en' })];
    check('then all of it', await until(() => all.every((id) => at(home).includes(id)), 'all'));
    home.close();
});

await part('nobody hears of what is not for them', async () => {
    await dan.ask('POST', `/accounts/${ben.id}/follow`);
    const dans = (await dan.ask('POST', '/lists', { title: 'Of dan' })).data.id;
    await dan.ask('POST', `/lists/${dans}/accounts`, { account_ids: [ben.id] });
    const events = await Events.open(`/api/v1/streaming/list?list=${dans}`, { token: dan.secret });
    await settled(events);
    await ben.ask('POST', `/accounts/${dan.id}/block`);
    const own = await Events.open(`/api/v1/streaming/list?list=${list}`, { token: ada.secret });
    await settled(own);
    const id = await write(ben, 'not for dan');
    await settled(own);
    check('who is blocked', !at(events).includes(id) && at(own).includes(id));
    events.close();
    own.close();
});

await finish();
