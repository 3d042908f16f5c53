// Apps and tokens through nginx: registering, the three grants, what each error looks like, scopes, what a token opens and
// what ends it.
// harness: set rate_limits = no
import { createHash, randomBytes } from 'node:crypto';
import { Client, check, deeplink, equal, finish, member, part, token } from './lib.mjs';

const OOB = 'urn:ietf:wg:oauth:2.0:oob';
const anon = new Client();

async function register(fields = {}) {
    return anon.json('POST', '/api/v1/apps', { client_name: 'Tester', redirect_uris: OOB, scopes: 'read write follow', ...fields });
}

const ada = await member('ada');
let app;

await part('apps', async () => {
    const answer = await register({ website: 'https://app.example' });
    equal('an app registers', answer.status, 200);
    equal('its type', answer.headers['content-type'], 'application/json');
    app = answer.data;
    equal('its redirect_uri', app.redirect_uri, OOB);
    equal('its scopes', app.scopes, ['read', 'write', 'follow']);
    equal('its secret does not end', app.client_secret_expires_at, 0);
    check('nobody gets a cookie', answer.headers['set-cookie'] === undefined);
    const several = await register({ redirect_uris: ['https://app.example/a', 'ivory://back'] });
    equal('several addresses', several.data.redirect_uris, ['https://app.example/a', 'ivory://back']);
    equal('lines count as several', (await register({ redirect_uris: 'https://a.example/\ntuba://b' })).data.redirect_uris,
        ['https://a.example/', 'tuba://b']);
    for (const bad of ['/local', 'javascript:alert(1)', 'data:text/html,x', 'https://a.example/#x', 'nothing', ''])
        equal(`no address: ${bad}`, (await register({ redirect_uris: bad })).status, 422);
    equal('an unknown scope', (await register({ scopes: 'read everything' })).status, 422);
    equal('a slash at the end', (await anon.json('POST', '/api/v1/apps/', { client_name: 'x', redirect_uris: OOB })).status, 200);
});

await part('client_credentials', async () => {
    const ask = (fields) => anon.json('POST', '/oauth/token', { grant_type: 'client_credentials', client_id: app.client_id,
        client_secret: app.client_secret, ...fields });
    const answer = await ask({ scope: 'read' });
    equal('an app gets a token of its own', answer.status, 200);
    equal('of the scope asked for', answer.data.scope, 'read');
    equal('its type', answer.data.token_type, 'Bearer');
    check('made just now', Math.abs(answer.data.created_at - Date.now() / 1000) < 60);
    const verify = await anon.json('GET', '/api/v1/apps/verify_credentials', undefined, { token: answer.data.access_token });
    equal('it knows its app', [verify.status, verify.data.name], [200, 'Tester']);
    equal('all of the app', (await ask({})).data.scope, 'read write follow');
    const wrong = await ask({ client_secret: 'x' });
    equal('a wrong secret', [wrong.status, wrong.data.error], [401, 'invalid_client']);
    const much = await ask({ scope: 'push' });
    equal('more than the app may', [much.status, much.data.error], [400, 'invalid_scope']);
    const strange = await ask({ grant_type: 'password' });
    equal('a grant that is none', [strange.status, strange.data.error], [400, 'unsupported_grant_type']);
    const none = await anon.json('POST', '/oauth/token', {});
    equal('no grant', [none.status, none.data.error], [400, 'invalid_request']);
});

await part('the guard', async () => {
    const path = '/api/v1/apps/verify_credentials';
    const none = await anon.json('GET', path);
    equal('no token', [none.status, none.data.error], [401, 'The access token is invalid']);
    check('says how', none.headers['www-authenticate']?.startsWith('Bearer '));
    const bad = await anon.json('GET', path, undefined, { token: '0.abc' });
    equal('no such token', bad.status, 401);
    const pat = await token('ada', 'read');
    check('a personal token can be known', pat.startsWith('deeplink_pat_'));
    equal('it belongs to no app', (await anon.json('GET', path, undefined, { token: pat })).status, 404);
});

// ---- The consent page and the code ------------------------------------------------------------------------------------

const BACK = 'https://client.example/back?x=1';
const url64 = (b) => b.toString('base64url');

function authorizeUrl(client, fields = {}) {
    const all = { response_type: 'code', client_id: client.client_id, redirect_uri: BACK, scope: 'read write', state: 'a&b=c d', ...fields };
    return `/oauth/authorize?${new URLSearchParams(Object.entries(all).filter(([, v]) => v !== undefined))}`;
}

const registered = async (redirect_uris = BACK, scopes = 'read write follow offline_access admin:read') =>
    (await register({ redirect_uris, scopes })).data;

async function consent(who, client, fields = {}, decision = 'allow') {
    const page = await who.get(authorizeUrl(client, fields));
    if (page.status !== 200)
        throw new Error(`no consent page: ${page.status} ${page.text.slice(0, 300)}`);
    return who.submit(page.form('/oauth/authorize'), { decision }, { follow: false });
}

const paramsOf = (answer) => new URL(answer.location).searchParams;
const ask = (client, fields) => anon.json('POST', '/oauth/token',
    { client_id: client.client_id, client_secret: client.client_secret, redirect_uri: BACK, ...fields });
const exchange = (client, code, fields = {}) => ask(client, { grant_type: 'authorization_code', code, ...fields });
const works = async (t) => (await anon.json('GET', '/api/v1/apps/verify_credentials', undefined, { token: t })).status;

await part('consent', async () => {
    const client = await registered();
    const stranger = await new Client().get(authorizeUrl(client), { follow: false });
    check('log in first', stranger.status === 303 && stranger.location.startsWith('/login?return_to=%2Foauth%2Fauthorize'), stranger.location);
    const fresh = new Client();
    const login = await fresh.get(authorizeUrl(client));
    const page = await fresh.submit(login.form('/login'), { login: 'ada', password: 'quiet meadow lantern' });
    equal('and back', [page.status, page.url.startsWith('/oauth/authorize?')], [200, true]);
    check('says which app and account', page.text.includes('Tester') && page.text.includes('@ada'));
    check('says what it could do', page.text.includes('Read everything in your account'));
    check('the policy is widened to that place alone', /form-action 'self' https:\/\/client\.example;/.test(page.header('content-security-policy')), page.header('content-security-policy'));
    const answer = await fresh.submit(page.form('/oauth/authorize'), { decision: 'allow' }, { follow: false });
    equal('goes back', answer.status, 303);
    check('with its own query kept', answer.location.startsWith(`${BACK}&code=`), answer.location);
    equal('the state comes back', paramsOf(answer).get('state'), 'a&b=c d');
    check('and who answers', paramsOf(answer).get('iss').startsWith('http'));
    const deny = await consent(ada, client, {}, 'deny');
    equal('a no', [paramsOf(deny).get('error'), paramsOf(deny).get('state'), paramsOf(deny).get('code')], ['access_denied', 'a&b=c d', null]);
    const wrong = { client_id: 'nobody', redirect_uri: 'https://evil.example/', response_type: 'token', scope: 'push',
        code_challenge_method: 'plain', code_challenge: 'short' };
    for (const [name, value] of Object.entries(wrong)) {
        const bad = await ada.get(authorizeUrl(client, { [name]: value }), { follow: false });
        equal(`${name}=${value} is answered here`, [bad.status, bad.location], [400, undefined]);
    }
    equal('not for every member', (await ada.get(authorizeUrl(client, { scope: 'admin:read' }))).status, 403);
    const forced = await ada.get(authorizeUrl(client, { force_login: 'true' }));
    check('asks as whom', forced.text.includes('Use another account') && forced.forms.every((f) => f.action !== '/oauth/authorize'));
    equal('in the language asked for', (await ada.get(authorizeUrl(client, { lang: 'de' }))).tags('html')[0].lang, 'de');
    equal('without the form\'s token', (await ada.post('/oauth/authorize', { client_id: client.client_id, redirect_uri: BACK,
        response_type: 'code', decision: 'allow' }, { follow: false })).status, 403);
});

await part('codes', async () => {
    const client = await registered(), other = await registered();
    const code = paramsOf(await consent(ada, client)).get('code');
    for (const [name, c, fields] of [['another app', other, {}], ['another address', client, { redirect_uri: 'https://client.example/' }]])
        equal(`not for ${name}`, (await exchange(c, code, fields)).data.error, 'invalid_grant');
    const got = await exchange(client, code);
    equal('a code is a token', [got.status, got.data.token_type, got.data.scope], [200, 'Bearer', 'read write']);
    check('that does not end', got.data.expires_in === undefined && got.data.refresh_token === undefined);
    equal('kept nowhere', got.headers['cache-control'], 'private, no-store');
    equal('it opens', await works(got.data.access_token), 200);
    const again = await exchange(client, code);
    equal('once', [again.status, again.data.error], [400, 'invalid_grant']);
    check('and says so in words', again.data.error_description.startsWith('The provided authorization grant is invalid'));
    equal('a second use ends what came of the first', await works(got.data.access_token), 401);
    equal('no such code', (await exchange(client, 'x')).data.error, 'invalid_grant');
    equal('no code', (await exchange(client, '')).data.error, 'invalid_request');
    const page = await ada.get(authorizeUrl(client));
    const answers = await Promise.all(Array.from({ length: 100 }, () =>
        ada.submit(page.form('/oauth/authorize'), { decision: 'allow' }, { follow: false })));
    equal('one consent sent a hundred times', [...new Set(answers.map((a) => a.status))], [303]);
    const codes = new Set(answers.map((a) => paramsOf(a).get('code')));
    equal('is one code', codes.size, 1);
    const one = await exchange(client, [...codes][0]);
    equal('sent again afterwards', (await ada.submit(page.form('/oauth/authorize'), { decision: 'allow' }, { follow: false })).status, 409);
    equal('which hurts nobody', await works(one.data.access_token), 200);
});

await part('PKCE', async () => {
    const client = await registered(), verifier = url64(randomBytes(32));
    const challenge = url64(createHash('sha256').update(verifier).digest());
    const fields = { code_challenge: challenge, code_challenge_method: 'S256' };
    const code = paramsOf(await consent(ada, client, fields)).get('code');
    for (const [name, more] of [['no verifier', {}], ['another verifier', { code_verifier: url64(randomBytes(32)) }], ['the challenge', { code_verifier: challenge }]])
        equal(name, (await exchange(client, code, more)).data.error, 'invalid_grant');
    equal('the verifier', (await exchange(client, code, { code_verifier: verifier })).status, 200);
});

await part('no address to go back to', async () => {
    const client = await registered(OOB);
    const page = await consent(ada, client, { redirect_uri: OOB });
    const code = page.tags('input').find((i) => i.id === 'code').value;
    check('the code is shown', page.status === 200 && code.length === 43);
    equal('and works', (await exchange(client, code, { redirect_uri: OOB })).status, 200);
    const phone = await registered('ivory://back');
    const policy = (await ada.get(authorizeUrl(phone, { redirect_uri: 'ivory://back' }))).header('content-security-policy');
    check('an app\'s own scheme', policy.includes("form-action 'self' ivory:;"), policy);
    check('goes there', (await consent(ada, phone, { redirect_uri: 'ivory://back' })).location.startsWith('ivory://back?code='));
    const local = await registered('http://127.0.0.1/cb');
    check('any port of one\'s own machine', (await consent(ada, local, { redirect_uri: 'http://127.0.0.1:4567/cb' })).location.startsWith('http://127.0.0.1:4567/cb?code='));
});

await part('refreshing', async () => {
    const client = await registered();
    const code = paramsOf(await consent(ada, client, { scope: 'read offline_access' })).get('code');
    const first = (await exchange(client, code)).data;
    check('ends by itself', first.expires_in === 7200 && first.refresh_token.length > 40);
    const refresh = (t, fields = {}) => ask(client, { grant_type: 'refresh_token', refresh_token: t, ...fields });
    equal('no more than before', (await refresh(first.refresh_token, { scope: 'write' })).data.error, 'invalid_scope');
    const second = await refresh(first.refresh_token);
    equal('a new pair', second.status, 200);
    check('all new', second.data.access_token !== first.access_token && second.data.refresh_token !== first.refresh_token);
    equal('it opens', await works(second.data.access_token), 200);
    equal('the old one again', (await refresh(first.refresh_token)).data.error, 'invalid_grant');
    equal('ends the family', [await works(second.data.access_token), (await refresh(second.data.refresh_token)).data.error], [401, 'invalid_grant']);
});

await part('ends', async () => {
    const client = await registered(), other = await registered();
    const token = async () => (await exchange(client, paramsOf(await consent(ada, client)).get('code'))).data.access_token;
    const basic = { authorization: `Basic ${Buffer.from(`${client.client_id}:${client.client_secret}`).toString('base64')}` };
    const revoke = (fields, headers) => anon.json('POST', '/oauth/revoke', fields, { headers });
    const mine = await token();
    equal('not by another app', (await revoke({ client_id: other.client_id, client_secret: other.client_secret, token: mine })).data.error, 'unauthorized_client');
    equal('not without a secret', (await revoke({ client_id: client.client_id, token: mine })).status, 401);
    equal('it opens still', await works(mine), 200);
    const done = await revoke({ token: mine }, basic);
    equal('by Basic', [done.status, done.data], [200, {}]);
    equal('at once', await works(mine), 401);
    equal('twice is fine', (await revoke({ token: mine }, basic)).status, 200);
    const kept = await token();
    const page = await ada.get('/settings/apps');
    check('the settings know it', page.text.includes('Tester') && page.text.includes('Read everything in your account'));
    const pressed = await ada.press(page, page.forms.flatMap((f) => f.buttons).map((b) => b.action).find((a) => a?.startsWith('/settings/apps/')));
    equal('a button there', pressed.status, 200);
    const left = await Promise.all([kept].map(works));
    equal('ends it', left, [401]);
    const late = await token();
    await ada.act('/settings/sessions/end-others');
    equal('logging out everywhere ends all', await works(late), 401);
});

await part('personal tokens', async () => {
    const page = await ada.get('/settings/apps'), form = page.form('/settings/tokens');
    const empty = await ada.submit(form, { name: '' });
    equal('a name is wanted', empty.status, 422);
    const without = await ada.submit(form, { name: 'script', days: '30' });
    equal('and what it may do', without.status, 422);
    check('what was typed is kept', without.tags('input').some((i) => i.name === 'name' && i.value === 'script'));
    equal('not for ever', (await ada.submit(form, { name: 'x', days: '4000', 'scopes[]': 'read' })).status, 422);
    const made = await ada.submit(form, { name: 'script', days: '30', 'scopes[]': 'read' });
    const pat = made.tags('input').find((i) => i.id === 'fresh')?.value;
    check('it is shown', pat?.startsWith('deeplink_pat_'), made.text.slice(0, 300));
    check('once', !(await ada.get('/settings/apps')).html.includes(pat));
    equal('it opens', await works(pat), 404);
    const again = await ada.get('/settings/apps');
    await ada.press(again, again.forms.flatMap((f) => f.buttons).map((b) => b.action).find((a) => a?.startsWith('/settings/tokens/')));
    const after = (await ada.get('/settings/apps')).forms.flatMap((f) => f.buttons).filter((b) => b.action?.startsWith('/settings/tokens/'));
    check('its button ends one', after.length < again.forms.flatMap((f) => f.buttons).filter((b) => b.action?.startsWith('/settings/tokens/')).length);
});

// ---- What every answer has --------------------------------------------------------------------------------------------

await part('CORS', async () => {
    for (const path of ['/api/v1/apps', '/api/v1/nothing', '/oauth/token', '/.well-known/nodeinfo', '/api/deeplink/v1/nothing']) {
        const before = await anon.request('OPTIONS', path, { headers: { origin: 'https://elk.example',
            'access-control-request-method': 'POST', 'access-control-request-headers': 'authorization,idempotency-key' } });
        equal(`${path} may be asked before`, [before.status, before.header('access-control-allow-origin'), before.header('access-control-allow-headers')],
            [204, '*', 'authorization,idempotency-key']);
        check(`${path} by any method`, before.header('access-control-allow-methods').includes('DELETE'));
        const answer = await anon.request('GET', path, { headers: { origin: 'https://elk.example' } });
        equal(`${path} may be read`, [answer.header('access-control-allow-origin'), answer.header('access-control-allow-credentials')], ['*', undefined]);
        check(`${path} with its headers`, /Link.*X-RateLimit-Reset/.test(answer.header('access-control-expose-headers')));
    }
    for (const path of ['/', '/local', '/login', '/oauth/authorize', '/settings/apps'])
        equal(`${path} is a page`, (await ada.get(path)).header('access-control-allow-origin'), undefined);
});

await part('JSON errors', async () => {
    for (const [path, type] of [['/api/v1/nothing', 'application/json'], ['/api/nothing', 'application/json'], ['/.well-known/nothing', 'application/json'],
        ['/api/deeplink/v1/nothing', 'application/problem+json']]) {
        const answer = await ada.json('GET', path);
        equal(`${path}`, [answer.status, answer.headers['content-type'], typeof (answer.data.error ?? answer.data.detail), answer.data.status], [404, type, 'string', 404]);
        check(`${path} has an id`, answer.data.request_id === answer.headers['x-request-id']);
    }
    const wrong = await anon.json('DELETE', '/api/v1/apps');
    equal('a wrong method', [wrong.status, wrong.headers.allow, wrong.headers['content-type']], [405, 'POST', 'application/json']);
    const field = await register({ client_name: '' });
    check('a wrong field', field.status === 422 && field.data.errors[0].pointer === '#/client_name' && field.data.error.includes('client_name'), JSON.stringify(field.data));
    const large = await anon.request('POST', '/api/v1/apps', { headers: { 'content-type': 'application/json' }, body: `"${'x'.repeat(2 << 20)}"` });
    equal('what nginx itself refuses', [large.status, large.header('content-type'), typeof large.json().error, large.header('access-control-allow-origin')],
        [413, 'application/json', 'string', '*']);
});

// ---- Documents about the site -----------------------------------------------------------------------------------------

await part('documents', async () => {
    const get = (path, options) => anon.json('GET', path, undefined, options);
    const v2 = (await get('/api/v2/instance')).data, v1 = (await get('/api/v1/instance/')).data;
    check('the version is not ahead', /^4\.3\.0 \(compatible; DeepLink /.test(v2.version) && v1.version === v2.version, v2.version);
    check('a streaming address', /^wss?:\/\//.test(v2.configuration.urls.streaming) && /^wss?:\/\//.test(v1.urls.streaming_api));
    check('what clients read first', v2.configuration.statuses.max_characters >= 500 && Array.isArray(v2.configuration.media_attachments.supported_mime_types) &&
        v2.thumbnail.url && v2.registrations.enabled !== undefined && /^[\w-]{87}$/.test(v2.configuration.vapid.public_key) && v1.stats.status_count >= 0);
    equal('rules', (await get('/api/v1/instance/rules')).data.length, v2.rules.length);
    const meta = (await get('/.well-known/oauth-authorization-server')).data;
    equal('OAuth\'s metadata', [meta.code_challenge_methods_supported, meta.token_endpoint], [['S256'], `${meta.issuer}/oauth/token`]);
    const links = (await get('/.well-known/nodeinfo')).data.links;
    for (const { rel, href } of links) {
        const info = await get(new URL(href).pathname);
        equal(`${rel}`, [info.data.version, info.data.software.name, info.headers['content-type'].includes(rel)], [rel.slice(-3), 'deeplink', true]);
    }
    const host = new URL(meta.issuer).host;
    for (const resource of [`acct:ada@${host}`, `acct:ADA@${host}`, `${meta.issuer}/@ada`]) {
        const found = await anon.request('GET', `/.well-known/webfinger?resource=${encodeURIComponent(resource)}`);
        equal(resource, [found.status, found.header('content-type'), found.json().subject], [200, 'application/jrd+json', `acct:ada@${host}`]);
    }
    for (const [resource, status] of [['', 400], ['ada', 400], ['acct:ada', 400], ['acct:ada@other.example', 404], [`acct:nobody@${host}`, 404], ['https://other.example/@ada', 404]])
        equal(`WebFinger of ${resource}`, (await get(`/.well-known/webfinger?resource=${encodeURIComponent(resource)}`)).status, status);
    check('host-meta', (await anon.request('GET', '/.well-known/host-meta')).html.includes('webfinger?resource={uri}'));
    equal('change-password', (await anon.request('GET', '/.well-known/change-password')).location, '/settings/account');
    const pat = await token('ada', 'read push profile');
    for (const path of ['lists', 'filters', 'conversations', 'notifications', 'scheduled_statuses', 'featured_tags', 'announcements'])
        equal(`no ${path}`, [(await get(`/api/v1/${path}`, { token: pat })).data, (await get(`/api/v1/${path}`)).status], [[], 401]);
    for (const path of ['custom_emojis', 'trends/links', 'instance/peers', 'instance/domain_blocks'])
        equal(`no ${path}`, (await get(`/api/v1/${path}`)).data, []);
    equal('no push', (await get('/api/v1/push/subscription', { token: pat })).status, 404);
    equal('outside its scopes', (await get('/api/v1/lists', { token: await token('ada', 'write') })).data.error, 'This action is outside the authorized scopes');
    equal('who it is', (await get('/oauth/userinfo', { token: pat })).data.preferred_username, 'ada');
    const own = (await anon.json('POST', '/oauth/token', { grant_type: 'client_credentials', client_id: app.client_id, client_secret: app.client_secret })).data.access_token;
    const alone = await get('/api/v1/lists', { token: own });
    equal('an app alone is nobody', [alone.status, alone.data.error], [422, 'This method requires an authenticated user']);
});

await part('suspended', async () => {
    await member('mallory');
    const pat = await token('mallory', 'read');
    const lists = () => anon.json('GET', '/api/v1/lists', undefined, { token: pat });
    equal('opens', (await lists()).status, 200);
    await deeplink('user', 'suspend', 'mallory');
    equal('does not open for the suspended', (await lists()).status, 403);
    await deeplink('user', 'restore', 'mallory');
    equal('and does again', (await lists()).status, 200);
    await deeplink('user', 'password', 'mallory');
    equal('but not after a new password', (await lists()).status, 401);
});

await part('Idempotency-Key', async () => {
    const pat = await token('ada', 'read write');
    const post = (key, fields, path = '/api/v1/statuses') => anon.json('POST', path, fields, { token: pat, headers: { 'idempotency-key': key } });
    const first = await post('k1', { status: 'Only once' }), second = await post('k1', { status: 'Only once' });
    equal('the same answer', [second.status, second.data.id, second.headers['idempotency-replayed']], [200, first.data.id, 'true']);
    equal('something else', (await post('k1', { status: 'Another' })).status, 422);
    check('another key', (await post('k2', { status: 'Only once' })).data.id !== first.data.id);
    equal('a key too long', (await post('k'.repeat(256), { status: 'x' })).status, 422);
    const many = await Promise.all(Array.from({ length: 20 }, () => post('k3', { status: 'Twenty times' })));
    const ids = new Set(many.filter((a) => a.status === 200).map((a) => a.data.id));
    check('twenty at once are one', ids.size === 1 && many.every((a) => [200, 409].includes(a.status)), JSON.stringify(many.map((a) => a.status)));
    check('who comes too early is told when', many.filter((a) => a.status === 409).every((a) => a.headers['retry-after'] === '1'));
});

await finish();
