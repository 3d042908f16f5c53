// Who may do what by the JSON API: every route of the program × who asks × whose post or account. The routes come from the
// program itself, so a new one without a row here fails. No answer to anybody holds words or addresses that are not for them.
// harness: set rate_limits = no
import { Client, check, deeplink, equal, finish, logIn, member, part, token } from './lib.mjs';

const ALL = 'read write follow push admin:read admin:write';
const ROLES = ['nobody', 'app', 'scopeless', 'stranger', 'blocked', 'follower', 'named', 'owner', 'moderator', 'admin'];
const AUDIENCES = ['public', 'unlisted', 'private', 'direct'];
const page = {}, bearer = {}, id = {}, post = {}, list = {};
const client = new Client();

// ---- The people ------------------------------------------------------------------------------------------------------

async function giveToken(role) {
    bearer[role] = await token(role === 'admin' ? 'admin1' : role, ['moderator', 'admin'].includes(role) ? ALL : 'read write follow push');
    if (role === 'stranger')
        bearer.scopeless = await token('stranger', 'profile');
}

async function enter() {
    for (const role of ['stranger', 'blocked', 'follower', 'named', 'owner', 'moderator', 'admin', 'victim', 'locked', 'gone']) {
        const handle = role === 'admin' ? 'admin1' : role;
        page[role] = await member(handle, { name: `The ${role}`, role: ['moderator', 'admin'].includes(role) ? role : 'member' });
        await giveToken(role);
        id[role] = (await ask(role, 'GET', '/api/v1/accounts/verify_credentials')).data.id;
    }
    const app = (await client.json('POST', '/api/v1/apps', { client_name: 'App', redirect_uris: 'urn:ietf:wg:oauth:2.0:oob', scopes: 'read write' })).data;
    bearer.app = (await client.json('POST', '/oauth/token', { grant_type: 'client_credentials', client_id: app.client_id, client_secret: app.client_secret, scope: 'read write' })).data.access_token;
    check('an app has a token of its own', bearer.app?.length > 20);
    await ask('locked', 'PATCH', '/api/v1/accounts/update_credentials', { locked: true });
    for (const role of ['blocked', 'follower'])
        await ask(role, 'POST', `/api/v1/accounts/${id.owner}/follow`);
    for (const audience of AUDIENCES)
        post[audience] = await write(audience);
    await ask('owner', 'POST', `/api/v1/accounts/${id.owner}/note`, { comment: 'x' });
    await ask('owner', 'POST', `/api/v1/accounts/${id.blocked}/block`);
    await ask('owner', 'POST', `/api/v1/accounts/${id.victim}/follow`);
    for (const one of ['kept', 'lost'])
        list[one] = (await ask('owner', 'POST', '/api/v1/lists', { title: 'Wordofalist' })).data.id;
    await write('public', 'gone');
    await deeplink('user', 'suspend', 'gone');
}

function ask(role, method, path, fields) {
    return client.json(method, path, fields, { token: bearer[role] });
}

const word = (audience) => `Word${audience}`;

async function write(audience, role = 'owner') {
    const text = role === 'gone' ? 'Wordofthegone' : `${word(audience)} about #secrets${audience === 'direct' ? ' for @named' : ''}`;
    const answer = await ask(role, 'POST', '/api/v1/statuses', { status: text, visibility: audience });
    if (answer.status !== 200)
        throw new Error(`${role} could not write: ${answer.status} ${answer.html}`);
    return answer.data.id;
}

function sees(role, audience) {
    if (role === 'owner')
        return true;
    if (role === 'blocked')
        return false;
    if (audience === 'private')
        return role === 'follower';
    return audience === 'direct' ? role === 'named' : true;
}

// ---- What is expected ------------------------------------------------------------------------------------------------

// A row says what the answer to those may be whom neither token nor role keeps out: a status, several, or a function of who
// asks and of what. `to` is what the route's {id} stands for.
const open = (audience) => audience === 'public' || audience === 'unlisted';
const seen = (yes) => (role, audience) => (sees(role, audience) ? yes : 404);
const own = (yes, no = [403, 404]) => (role, audience) => (role === 'owner' ? yes : sees(role, audience) ? no : 404);
const ofPost = (is, extra = {}) => ({ to: 'post', is, ...extra });
const onList = (is, extra = {}) => ({ to: 'list', is: (role) => (role === 'owner' ? is : 404), ...extra });
const onAccount = (is, extra = {}) => ({ to: 'account', is, ...extra });
const S = '/api/v1/statuses', A = '/api/v1/accounts', D = '/api/deeplink/v1';

const rows = {
    [`GET ${S}/{id}`]: ofPost(seen(200)),
    [`GET ${S}/{id}/history`]: ofPost(seen(200)),
    [`GET ${S}/{id}/context`]: ofPost(seen(200)),
    [`GET ${S}/{id}/card`]: ofPost(seen([200, 404])),
    [`GET ${S}/{id}/favourited_by`]: ofPost(seen(200)),
    [`GET ${S}/{id}/reblogged_by`]: ofPost(seen(200)),
    [`GET ${S}/{id}/source`]: ofPost(own(200)),
    [`PUT ${S}/{id}`]: ofPost(own(200), { body: (audience) => ({ status: `${word(audience)} again #secrets${audience === 'direct' ? ' for @named' : ''}` }) }),
    [`POST ${S}/{id}/translate`]: ofPost(seen([200, 403, 404, 503])),
    [`POST ${S}/{id}/favourite`]: ofPost(seen(200)),
    [`POST ${S}/{id}/unfavourite`]: ofPost(seen(200)),
    [`POST ${S}/{id}/bookmark`]: ofPost(seen(200)),
    [`POST ${S}/{id}/unbookmark`]: ofPost(seen(200)),
    [`POST ${S}/{id}/reblog`]: ofPost((role, audience) => (!sees(role, audience) ? 404 : open(audience) ? 200 : [403, 404, 422])),
    [`POST ${S}/{id}/unreblog`]: ofPost(seen(200)),
    [`POST ${S}/{id}/pin`]: ofPost((role, audience) => (!sees(role, audience) ? 404 : role !== 'owner' ? [403, 404, 422] : open(audience) ? 200 : [403, 409, 422])),
    [`POST ${S}/{id}/unpin`]: ofPost(own([200, 409, 422], [403, 404, 422])),
    [`POST ${S}/{id}/mute`]: ofPost(seen(200)),
    [`POST ${S}/{id}/unmute`]: ofPost(seen(200)),
    [`DELETE ${S}/{id}`]: ofPost((role, audience) => (['owner', 'moderator', 'admin'].includes(role) && sees(role, audience) ? 200 : sees(role, audience) ? [403, 404] : 404), { destroys: true }),
    [`GET ${D}/posts/{id}/comments`]: ofPost(seen(200)),
    [`GET ${D}/posts/{id}/history`]: ofPost(seen(200)),

    [`GET ${A}/{id}`]: onAccount({ victim: 200, locked: 200, gone: [200, 404, 410], owner: [200, 404], none: 404 }),
    [`GET ${A}/{id}/statuses`]: onAccount({ victim: 200, locked: 200, gone: [200, 404, 410], owner: [200, 404], none: 404 }),
    [`GET ${A}/{id}/followers`]: onAccount({ victim: 200, locked: 200, gone: [200, 404, 410], owner: [200, 404], none: 404 }),
    [`GET ${A}/{id}/following`]: onAccount({ victim: 200, locked: 200, gone: [200, 404, 410], owner: [200, 404], none: 404 }),
    [`GET ${A}/{id}/featured_tags`]: onAccount([200, 404, 410]),
    [`GET ${A}/{id}/identity_proofs`]: onAccount([200, 404, 410]),
    [`GET ${A}/{id}/lists`]: onAccount([200, 404, 410]),
    ...Object.fromEntries(['follow', 'unfollow', 'remove_from_followers', 'block', 'unblock', 'mute', 'unmute', 'note'].map((act) =>
        [`POST ${A}/{id}/${act}`, onAccount({ victim: 200, locked: 200, gone: [200, 403, 404, 410], none: 404 })])),
    'POST /api/v1/follow_requests/{id}/authorize': onAccount({ victim: 404, locked: 404, gone: 404, none: 404 }),
    'POST /api/v1/follow_requests/{id}/reject': onAccount({ victim: 404, locked: 404, gone: 404, none: 404 }),
    'DELETE /api/v1/suggestions/{id}': onAccount([200, 404, 422]),

    'POST /api/v1/lists': { is: 422 },
    'GET /api/v1/lists/{id}': onList(200),
    'PUT /api/v1/lists/{id}': onList(200, { body: () => ({ title: 'Wordofalist', exclusive: true }) }),
    'GET /api/v1/lists/{id}/accounts': onList(200),
    'POST /api/v1/lists/{id}/accounts': onList([200, 404, 422], { body: () => ({ account_ids: [id.victim] }) }),
    'DELETE /api/v1/lists/{id}/accounts': onList(200, { body: () => ({ account_ids: [id.follower] }) }),
    'GET /api/v1/timelines/list/{id}': onList(200),
    'DELETE /api/v1/lists/{id}': onList([200, 404], { which: 'lost' }),

    // One's own things, and what anybody may read: never more than what is for who asks.
    'GET /api/openapi.json': { is: 200 },
    // An open stream never ends: names of streams that there are not are asked for (test_streams.mjs opens the others).
    'GET /api/v1/streaming': { is: 400 },
    'GET /api/v1/streaming/{stream}': { is: 404, arg: 'nonsense' },
    'GET /api/v1/streaming/{stream}/{part}': { is: 404, arg: 'nonsense' },
    'POST /api/v1/tags/{tag}/follow': { is: 200, arg: 'quiet' },
    'POST /api/v1/tags/{tag}/unfollow': { is: 200, arg: 'quiet' },
    'POST /api/v1/apps': { is: 422 },
    'POST /api/v1/accounts': { is: [403, 422], body: () => ({ email: 'somebody@elsewhere.example' }) },
    'POST /api/v1/emails/confirmations': { is: 403 },
    'GET /api/v1/emails/check_confirmation': { is: 200 },
    'GET /api/v1/apps/verify_credentials': { is: [200, 404] },
    'POST /oauth/token': { is: [400, 422] },
    'POST /oauth/revoke': { is: [200, 400, 401, 403, 422] },
    'POST /oauth/userinfo': { is: 200 },
    'GET /api/v1/notifications/{id}': { is: 404 },
    'POST /api/v1/notifications/clear': { is: 200 },
    'POST /api/v1/notifications/{id}/dismiss': { is: 404 },
    'GET /api/v2/notifications/{group_key}': { is: 404 },
    'GET /api/v2/notifications/{group_key}/accounts': { is: 404 },
    'POST /api/v2/notifications/{group_key}/dismiss': { is: 200 },
    'PATCH /api/v2/notifications/policy': { is: 200 },
    'PUT /api/v2/notifications/policy': { is: 200 },
    'GET /api/v1/notifications/requests/{id}': { is: 404 },
    'POST /api/v1/notifications/requests/{id}/accept': { is: 404 },
    'POST /api/v1/notifications/requests/{id}/dismiss': { is: 404 },
    'POST /api/v1/notifications/requests/accept': { is: 200 },
    'POST /api/v1/notifications/requests/dismiss': { is: 200 },
    [`POST ${D}/me/notifications/read`]: { is: 422 },
    [`DELETE ${D}/me/notifications/{id}`]: { is: 404 },
    'GET /api/v1/push/subscription': { is: 404 },
    'POST /api/v1/push/subscription': { is: 422 },
    'PUT /api/v1/push/subscription': { is: 404 },
    'DELETE /api/v1/push/subscription': { is: 200 },
    [`GET ${D}/me/sessions`]: { is: 200 },
    [`DELETE ${D}/me/sessions/{id}`]: { is: 404 },
    [`PATCH ${D}/me/settings`]: { is: 428 },
    [`PATCH ${D}/me/profile`]: { is: 428 },
    [`POST ${D}/me/password`]: { is: 422 },
    [`POST ${D}/me/email`]: { is: 422 },
    [`DELETE ${D}/me/sessions`]: { is: 204, ends: true },
    [`POST ${D}/auth/confirm/mail`]: { is: 422 },
    [`POST ${D}/auth/confirm`]: { is: 422 },
    [`POST ${D}/auth/reset/mail`]: { is: 422 },
    [`POST ${D}/auth/reset`]: { is: 422 },
    [`DELETE ${D}/me/access/apps/{id}`]: { is: [204, 404] },
    [`DELETE ${D}/me/access/tokens/{id}`]: { is: [204, 404] },
    [`POST ${D}/me/deletion`]: { is: 422 },
    [`POST ${D}/roles`]: { is: 422 },
    [`GET ${D}/roles/{name}`]: { is: 404 },
    [`PUT ${D}/roles/{name}`]: { is: 404 },
    [`DELETE ${D}/roles/{name}`]: { is: 422 },
    [`POST ${D}/invites`]: { is: 422 },
    [`DELETE ${D}/invites/{id}`]: { is: 404 },
    [`GET ${D}/admin/members`]: { is: 200, addresses: true },
    [`GET ${D}/admin/members/{id}`]: onAccount({ victim: 200, gone: 200, none: 404 }, { addresses: true }),
    [`POST ${D}/admin/members/{id}/approve`]: onAccount({ victim: 409, none: 404 }),
    [`POST ${D}/admin/members/{id}/reject`]: onAccount({ victim: 409, none: 404 }),
    [`POST ${D}/admin/members/{id}/suspend`]: onAccount({ admin: (role) => (role === 'admin' ? 409 : 403), none: 404 }),
    [`POST ${D}/admin/members/{id}/restore`]: onAccount({ victim: 409, none: 404 }),
    [`PUT ${D}/admin/members/{id}/role`]: onAccount({ victim: [422, 428] }, { addresses: true }),
    [`GET ${D}/admin/audit`]: { is: 200, addresses: true },
    // What others uploaded is not there, whatever its number (test_media.mjs); nor is number 1.
    'POST /api/v1/media': { is: 422 },
    'POST /api/v2/media': { is: 422 },
    'GET /api/v1/media/{id}': { is: 404 },
    'PUT /api/v1/media/{id}': { is: 404 },
    'DELETE /api/v1/media/{id}': { is: 404 },
    'DELETE /api/v1/profile/avatar': { is: 200 },
    'DELETE /api/v1/profile/header': { is: 200 },
    [`POST ${D}/uploads`]: { is: 422 },
    [`GET ${D}/uploads/{id}`]: { is: 404 },
    [`PATCH ${D}/uploads/{id}`]: { is: [404, 411, 422, 428] },
    [`POST ${D}/uploads/{id}/complete`]: { is: 404 },
    [`DELETE ${D}/uploads/{id}`]: { is: [204, 404] },
    [`POST ${D}/media/{id}/retry`]: { is: 404 },
    [`PUT ${D}/me/notification-preferences`]: { is: 428 },
    [`GET ${D}/me/push`]: { is: 403 }, // a browser's alone
    [`POST ${D}/me/push`]: { is: 422 },
    [`DELETE ${D}/me/push`]: { is: 403 },
    [`POST ${D}/admin/webhooks`]: { is: 422 },
    [`GET ${D}/admin/webhooks/{id}`]: { is: 404 },
    [`PUT ${D}/admin/webhooks/{id}`]: { is: 404 },
    [`DELETE ${D}/admin/webhooks/{id}`]: { is: 404 },
    [`POST ${D}/admin/webhooks/{id}/ping`]: { is: 404 },
    [`GET ${D}/admin/webhooks/{id}/calls`]: { is: 404 },
};

// Lists and other things without an argument: 200, or 422 where something must be said.
const plain = (method, pattern) => (method === 'GET' && !pattern.includes('{') ? { is: [200, 422] } : null);
const byName = { 'GET /api/v1/timelines/tag/{tag}': 'secrets', 'GET /api/v1/tags/{tag}': 'secrets' };

function rowOf(route) {
    const key = `${route.method} ${route.pattern}`;
    if (rows[key])
        return rows[key];
    if (byName[key])
        return { is: 200, arg: byName[key] };
    if (['POST /api/v1/statuses', 'POST /api/v1/markers', 'PATCH /api/v1/accounts/update_credentials'].includes(key))
        return { is: [200, 422], body: () => ({}) };
    return plain(route.method, route.pattern);
}

// ---- Asking ----------------------------------------------------------------------------------------------------------

const PERMISSIONS = { moderator: 1 | 2 | 4 | 16, admin: 127 };

/** Whom token, scope or role keeps out before the thing itself is looked at; null: nobody. */
function keptOut(role, route) {
    if (role === 'nobody' && ['member', 'app', 'newcomer'].includes(route.auth))
        return 401;
    if (role === 'app' && ['member', 'newcomer'].includes(route.auth))
        return [401, 403, 422];
    if (role === 'scopeless' && route.scope && !route.scope.split('|').includes('profile'))
        return 403;
    if (role === 'app' && route.scope && !/^(read|write)(:|$)/.test(route.scope))
        return 403;
    const has = PERMISSIONS[role] ?? 1;
    if (route.auth === 'member' && (route.permission & ~has) !== 0)
        return 403;
    return route.scope?.startsWith('admin:') && !['moderator', 'admin'].includes(role) ? 403 : null;
}

const fits = (status, wanted) => (Array.isArray(wanted) ? wanted.includes(status) : status === wanted);

/** What stands in an answer though it is not for who asked. */
function leaks(role, answer, row, target) {
    const reader = ['app', 'scopeless', 'nobody'].includes(role) ? 'nobody' : role;
    const wrong = AUDIENCES.filter((a) => !sees(reader, a) && answer.html.includes(word(a)));
    if (reader === 'scopeless')
        wrong.push(...AUDIENCES.filter((a) => answer.html.includes(word(a))));
    if (answer.html.includes('Wordofthegone'))
        wrong.push('the words of who is suspended');
    if (reader !== 'owner' && answer.html.includes('Wordofalist'))
        wrong.push('the name of another\'s list');
    const addresses = [...answer.html.matchAll(/([a-z0-9]+)@example\.org/g)].map((m) => m[1]);
    const self = role === 'scopeless' ? 'stranger' : role === 'admin' ? 'admin1' : role;
    if (!row.addresses && addresses.some((a) => a !== self))
        wrong.push(`addresses: ${addresses}`);
    return wrong.map((w) => `${role} on ${target} reads ${w}`);
}

async function tryOne(route, row, role, target, path, wanted) {
    const body = row.body ? row.body(target) : route.method === 'GET' ? undefined : {};
    const answer = await ask(role, route.method, path, body);
    const outside = keptOut(role, route);
    const expected = outside ?? (typeof wanted === 'function' ? wanted(role, target) : wanted);
    const wrong = leaks(role, answer, row, target);
    if (!fits(answer.status, expected))
        wrong.push(`${role} on ${target}: ${answer.status} instead of ${expected}: ${answer.html.slice(0, 120)}`);
    return { wrong, answer };
}

/** What ends the access that asks with it gets a new one afterwards. */
async function tryEnding(route, row, role, path) {
    const { wrong, answer } = await tryOne(route, row, role, 'it', path, row.is);
    if (row.ends && answer.status === 204)
        await giveToken(role);
    return wrong;
}

async function onPosts(route, row, wrong) {
    for (const audience of AUDIENCES) {
        let target = row.destroys ? await write(audience) : post[audience];
        for (const role of ROLES) {
            const done = await tryOne(route, row, role, audience, route.pattern.replace('{id}', target), row.is);
            wrong.push(...done.wrong);
            if (row.destroys && done.answer.status === 200)
                target = await write(audience);
        }
    }
    for (const role of ROLES)
        wrong.push(...(await tryOne(route, row, role, 'no post', route.pattern.replace('{id}', '1'), 404)).wrong);
}

async function onAccounts(route, row, wrong) {
    const targets = typeof row.is === 'object' && !Array.isArray(row.is) ? row.is : { victim: row.is, locked: row.is, gone: row.is };
    for (const [target, wanted] of Object.entries(targets))
        for (const role of ROLES) {
            const path = route.pattern.replace('{id}', target === 'none' ? '1' : id[target]);
            wrong.push(...(await tryOne(route, row, role, target, path, wanted)).wrong);
        }
}

async function everyRoute() {
    const routes = JSON.parse(await deeplink('routes', '--json')).filter((r) => r.face === 'json' && /^\/(api|oauth)\//.test(r.pattern));
    for (const route of routes) {
        const key = `${route.method} ${route.pattern}`, row = rowOf(route), wrong = [];
        if (!check(`${key} has its expectations here`, row))
            continue;
        if (row.to === 'post')
            await onPosts(route, row, wrong);
        else if (row.to === 'account')
            await onAccounts(route, row, wrong);
        else if (row.to === 'list')
            for (const role of ROLES)
                wrong.push(...(await tryOne(route, row, role, 'a list', route.pattern.replace('{id}', list[row.which ?? 'kept']), row.is)).wrong);
        else
            for (const role of ROLES)
                wrong.push(...(await tryEnding(route, row, role, route.pattern.replace(/\{[a-z]+\}/, row.arg ?? '1'))));
        check(key, wrong.length === 0, wrong.slice(0, 8).join('; '));
    }
    const keys = new Set(routes.map((r) => `${r.method} ${r.pattern}`));

    equal('no expectation is left without its route', Object.keys(rows).filter((k) => !keys.has(k)), []);
}

// ---- Faces: what JSON hides, pages and feeds hide too, and the other way round ----------------------------------------

async function otherFaces() {
    page.nobody = new Client();
    for (const role of ['stranger', 'blocked', 'follower', 'named', 'owner', 'moderator', 'admin'])
        page[role] = await logIn(role === 'admin' ? 'admin1' : role); // everyRoute() ended their sessions
    for (const role of ['nobody', 'stranger', 'blocked', 'follower', 'named', 'moderator', 'admin'])
        for (const audience of AUDIENCES) {
            const json = await ask(role, 'GET', `${S}/${post[audience]}`);
            const html = await page[role].get(`/@owner/${post[audience]}`);
            equal(`${role}: ${audience} by JSON and by page`, [json.status === 200, html.status === 200], [sees(role, audience), sees(role, audience)]);
        }
    const feed = await page.nobody.get('/@owner/feed.atom');
    check('the feed has what is public alone', !feed.html.includes(word('private')) && !feed.html.includes(word('direct')));
}

/** A cookie of a browser is worth what its member may, and changes nothing without the form token. */
async function cookies() {
    equal('a session reads', (await page.owner.request('GET', `${S}/${post.direct}`)).status, 200);
    equal('… and writes nothing without the token', (await page.owner.request('POST', `${S}/${post.public}/favourite`)).status, 403);
    equal('… from another site', (await page.owner.call('POST', `${S}/${post.public}/favourite`, {}, { headers: { 'sec-fetch-site': 'cross-site' } })).status, 403);
    equal('… but with it', (await page.owner.call('POST', `${S}/${post.public}/favourite`, {})).status, 200);
    equal('… not with another\'s', (await page.stranger.request('POST', `${S}/${post.public}/favourite`, { headers: { 'x-csrf-token': page.owner.token } })).status, 403);
}

/** Who is suspended is out at once, by token and by cookie; so is a member whose role is taken. */
async function ends() {
    await deeplink('user', 'suspend', 'stranger');
    equal('a token of who is suspended', (await ask('stranger', 'GET', '/api/v1/accounts/verify_credentials')).status, 403);
    equal('their session', (await page.stranger.request('GET', `${D}/me`)).status, 401);
    await deeplink('user', 'role', 'moderator', 'member');
    equal('whose role is gone', (await ask('moderator', 'GET', `${D}/admin/members`)).status, 403);
    check('nothing of the owner was changed', (await logIn('owner')).handle === 'owner');
}

for (const [name, fn] of Object.entries({ enter, everyRoute, otherFaces, cookies, ends }))
    await part(name, fn);
await finish();
