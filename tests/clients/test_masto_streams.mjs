// masto.js, unmodified, through nginx: its WebSocket client subscribes, and gets posts and notifications.
// harness: set rate_limits = no
import { createRestAPIClient, createStreamingAPIClient } from 'masto';
import WebSocket from 'ws';
import { heard } from '../http/lib_streams.mjs';
import { BASE, check, equal, finish, member, part, token, until } from '../http/lib.mjs';

const rest = {}, tokens = {};
for (const handle of ['ada', 'bob']) {
    await member(handle, { name: handle });
    tokens[handle] = await token(handle);
    rest[handle] = createRestAPIClient({ url: BASE, accessToken: tokens[handle] });
}
const instance = await rest.ada.v2.instance.fetch();
const streams = (handle) => createStreamingAPIClient({ streamingApiUrl: instance.configuration.urls.streaming, accessToken: tokens[handle],
    implementation: WebSocket });

/** Reads a subscription into a list, with of(event) its payloads. */
function listen(subscription) {
    const events = [];
    events.of = (name) => events.filter((e) => e.event === name).map((e) => e.payload);
    (async () => { for await (const event of subscription) events.push(event); })().catch((e) => events.push({ event: 'error', payload: e.message }));
    return events;
}

await part('posts and notifications', async () => {
    const ada = await rest.ada.v1.accounts.verifyCredentials();
    await rest.bob.v1.accounts.$select(ada.id).follow();
    const bob = streams('bob'), adas = streams('ada');
    await Promise.all([bob.prepare(), adas.prepare()]);
    const home = listen(bob.user.subscribe()), local = listen(bob.public.local.subscribe()), tag = listen(bob.hashtag.subscribe({ tag: 'birds' })),
        notes = listen(adas.user.notification.subscribe());
    await heard(async () => (await rest.ada.v1.statuses.create({ status: 'Is there a #birds watcher' })).id, home, local, tag);
    const post = await rest.ada.v1.statuses.create({ status: 'Some #birds' });
    for (const [name, events] of Object.entries({ home, local, tag }))
        check(`a post comes on ${name}`, await until(() => events.some((e) => e.event === 'update' && e.payload.id === post.id), name).catch(() => false),
            JSON.stringify(events).slice(0, 300));
    equal('it is a status', home.of('update')[0].account.acct, 'ada');
    await rest.bob.v1.statuses.$select(post.id).favourite();
    check('a notification', await until(() => notes.some((e) => e.event === 'notification' && e.payload.type === 'favourite' && e.payload.account.acct === 'bob'),
        'the favourite').catch(() => false), JSON.stringify(notes).slice(0, 300));
    await rest.ada.v1.statuses.$select(post.id).remove();
    check('a deletion', await until(() => home.some((e) => e.event === 'delete' && e.payload === post.id), 'the deletion').catch(() => false),
        JSON.stringify(home.map((e) => e.event)));
    equal('no errors', [home, local, tag, notes].flat().filter((e) => e.event === 'error'), []);
    bob.close();
    adas.close();
});

await part('a list', async () => {
    const ada = await rest.ada.v1.accounts.verifyCredentials(), made = await rest.bob.v1.lists.create({ title: 'Friends' });
    await rest.bob.v1.lists.$select(made.id).accounts.create({ accountIds: [ada.id] });
    const bob = streams('bob');
    await bob.prepare();
    const list = listen(bob.list.subscribe({ list: made.id }));
    check('a post comes on it', await heard(async () => (await rest.ada.v1.statuses.create({ status: 'For a list' })).id, list).catch(() => false),
        JSON.stringify(list).slice(0, 300));
    bob.close();
});

await finish();
