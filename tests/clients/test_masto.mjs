// masto.js, unmodified, through nginx: an app is registered, its member consents in Chromium, and it does what a client does.
// harness: set rate_limits = no
import { createOAuthAPIClient, createRestAPIClient, MastoHttpError } from 'masto';
import { launch, newPage, open } from '../browser/lib.mjs';
import { BASE, check, equal, finish, latestFirst, member, part, token } from '../http/lib.mjs';

const SCOPES = 'read write follow';
const HOME = 500;

/** Consents in a browser and gives the code that the page shows. */
async function consent(client, url) {
    const browser = await launch();
    try {
        const page = await newPage(await open(browser, { client }));
        await page.goto(url);
        await page.getByRole('button', { name: 'Authorise' }).click();
        const code = await page.locator('#code').inputValue();
        equal('the consent page had no fault', page.problems, []);
        return code;
    } finally {
        await browser.close();
    }
}

const clients = {};
for (const handle of ['ada', 'bob', 'carl'])
    clients[handle] = await member(handle, { name: handle });

async function enter(handle) {
    const rest = createRestAPIClient({ url: BASE });
    const app = await rest.v1.apps.create({ clientName: `Client of ${handle}`, redirectUris: 'urn:ietf:wg:oauth:2.0:oob', scopes: SCOPES });
    const query = new URLSearchParams({ client_id: app.clientId, redirect_uri: 'urn:ietf:wg:oauth:2.0:oob', scope: SCOPES, response_type: 'code' });
    const code = await consent(clients[handle], `${BASE}/oauth/authorize?${query}`);
    const oauth = createOAuthAPIClient({ url: BASE });
    const given = await oauth.token.create({ clientId: app.clientId, clientSecret: app.clientSecret, redirectUri: 'urn:ietf:wg:oauth:2.0:oob', grantType: 'authorization_code', code, scope: SCOPES });
    check('a token', given.accessToken.length > 20 && given.tokenType === 'Bearer', JSON.stringify(given));
    return createRestAPIClient({ url: BASE, accessToken: given.accessToken });
}

async function refuses(name, status, fn) {
    try {
        await fn();
        check(name, false, 'nothing was thrown');
    } catch (e) {
        check(name, e instanceof MastoHttpError && e.statusCode === status, `${e}`);
    }
}

const ada = await enter('ada');
const bobs = createRestAPIClient({ url: BASE, accessToken: await token('bob') });
const carls = createRestAPIClient({ url: BASE, accessToken: await token('carl') });
const me = await ada.v1.accounts.verifyCredentials();

await part('statuses', async () => {
    const post = await ada.v1.statuses.create({ status: 'Hello #world, @bob', visibility: 'public' });
    equal('who wrote it', post.account.acct, 'ada');
    const answer = await bobs.v1.statuses.create({ status: 'And to you', inReplyToId: post.id });
    equal('an answer', answer.inReplyToId, post.id);
    equal('favourited', (await bobs.v1.statuses.$select(post.id).favourite()).favourited, true);
    const boost = await bobs.v1.statuses.$select(post.id).reblog();
    check('a reblog has an id of its own', boost.id !== post.id && boost.reblog.id === post.id);
    equal('bookmarked', (await bobs.v1.statuses.$select(post.id).bookmark()).bookmarked, true);
    const seen = await ada.v1.statuses.$select(post.id).fetch();
    equal('counted', [seen.favouritesCount, seen.reblogsCount, seen.repliesCount], [1, 1, 1]);
    equal('bookmarks', (await bobs.v1.bookmarks.list()).map((s) => s.id), [post.id]);
    const thread = await ada.v1.statuses.$select(post.id).context.fetch();
    equal('thread', thread.descendants.map((s) => s.id), [answer.id]);
    const changed = await ada.v1.statuses.$select(post.id).update({ status: 'Hello again' });
    check('edited', changed.content.includes('again') && changed.editedAt !== null);
    await ada.v1.statuses.$select(post.id).remove();
    await refuses('it is gone', 404, () => ada.v1.statuses.$select(post.id).fetch());
});

await part('a locked account', async () => {
    equal('locked', (await ada.v1.accounts.updateCredentials({ locked: true })).locked, true);
    const him = await bobs.v1.accounts.verifyCredentials();
    equal('asked', (await bobs.v1.accounts.$select(me.id).follow()).requested, true);
    equal('the request', (await ada.v1.followRequests.list()).map((a) => a.acct), ['bob']);
    await ada.v1.followRequests.$select(him.id).authorize();
    equal('granted', (await bobs.v1.accounts.relationships.fetch({ id: [me.id] }))[0].following, true);
    await carls.v1.accounts.$select(me.id).follow();
    await ada.v1.followRequests.$select((await carls.v1.accounts.verifyCredentials()).id).reject();
    equal('refused', (await carls.v1.accounts.relationships.fetch({ id: [me.id] }))[0].requested, false);
});

await part('home', async () => {
    const written = [];
    for (let i = 0; i < HOME; i++)
        written.push((await ada.v1.statuses.create({ status: `Post ${i}` })).id);
    const seen = [];
    for await (const page of bobs.v1.timelines.home.list({ limit: 40 })) {
        seen.push(...page.map((s) => s.id));
        if (seen.length > 2 * HOME)
            break;
    }
    equal('every post once and in order', seen.filter((id) => written.includes(id)), latestFirst(written));
    equal('nothing twice', new Set(seen).size, seen.length);
});

await part('lists', async () => {
    const made = await bobs.v1.lists.create({ title: 'Friends', repliesPolicy: 'none', exclusive: true });
    equal('a list', [made.title, made.repliesPolicy, made.exclusive], ['Friends', 'none', true]);
    const list = bobs.v1.lists.$select(made.id);
    equal('changed', (await list.update({ title: 'Close friends' })).title, 'Close friends');
    const carl = (await carls.v1.accounts.verifyCredentials()).id;
    await refuses('nobody whom one does not follow', 404, () => list.accounts.create({ accountIds: [carl] }));
    await list.accounts.create({ accountIds: [me.id] });
    await refuses('nobody twice', 422, () => list.accounts.create({ accountIds: [me.id] }));
    equal('who is on it', (await list.accounts.list({ limit: 0 })).map((a) => a.acct), ['ada']);
    equal('lists that hold ada', (await bobs.v1.accounts.$select(me.id).lists.list()).map((l) => l.id), [made.id]);
    const seen = [];
    for await (const page of bobs.v1.timelines.list.$select(made.id).list({ limit: 40 }))
        seen.push(...page.map((s) => s.id));
    equal('its timeline to the end', [seen.length >= HOME, new Set(seen).size], [true, seen.length]);
    equal('home is without it', (await bobs.v1.timelines.home.list()).filter((s) => s.account.id === me.id), []);
    await refuses('nobody else\'s', 404, () => ada.v1.lists.$select(made.id).fetch());
    await list.accounts.remove({ accountIds: [me.id] });
    equal('nobody is left', await list.accounts.list(), []);
    await list.remove();
    equal('it is gone', (await bobs.v1.lists.list()).length, 0);
});

await part('the rest', async () => {
    equal('search', (await bobs.v2.search.list({ q: 'ada' })).accounts.map((a) => a.acct), ['ada']);
    equal('look-up', (await bobs.v1.accounts.lookup({ acct: 'ada' })).id, me.id);
    const newest = (await bobs.v1.timelines.home.list({ limit: 1 }))[0];
    await bobs.v1.markers.create({ home: { lastReadId: newest.id } });
    equal('marker', (await bobs.v1.markers.fetch({ timeline: ['home'] })).home.lastReadId, newest.id);
    check('preferences', 'posting:default:visibility' in await bobs.v1.preferences.fetch());
    const instance = await bobs.v2.instance.fetch();
    check('the site', instance.configuration.statuses.maxCharacters > 0);
});

await part('errors', async () => {
    await refuses('no such post', 404, () => ada.v1.statuses.$select('1').fetch());
    await refuses('a token that is none', 401, () => createRestAPIClient({ url: BASE, accessToken: 'x'.repeat(43) }).v1.accounts.verifyCredentials());
    const narrow = createRestAPIClient({ url: BASE, accessToken: await token('ada', 'read') });
    await refuses('a scope that is missing', 403, () => narrow.v1.statuses.create({ status: 'no' }));
    await refuses('an empty post', 422, () => ada.v1.statuses.create({ status: '' }));
});

await finish();
