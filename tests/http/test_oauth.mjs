// Apps and tokens through nginx: registering, the three grants, what each error looks like, scopes, what a token opens and
// what ends it.
// harness: set rate_limits = no
import { Client, check, deeplink, equal, finish, member, part, token } from './lib.mjs';

const OOB = 'urn:ietf:wg:oauth:2.0:oob';
const anon = new Client();

async function register(fields = {}) {
    return anon.json('POST', '/api/v1/apps', { client_name: 'Tester', redirect_uris: OOB, scopes: 'read write follow', ...fields });
}

await member('ada');
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

await finish();
