// Signing up by an app: its own token makes the account, the account's token opens nothing before the address is confirmed.
// harness: set registration = approval
// harness: set rate_limits = no
import { Client, PASSWORD, check, equal, finish, mailLink, mails, member, part, token, until } from './lib.mjs';

const anon = new Client();
const SELF = '/api/v1/accounts/verify_credentials', CHECK = '/api/v1/emails/check_confirmation', AGAIN = '/api/v1/emails/confirmations';

async function appToken(scopes = 'read write follow admin:read') {
    const app = (await anon.json('POST', '/api/v1/apps', { client_name: 'Newcomers', website: 'https://newcomers.example', redirect_uris: 'urn:ietf:wg:oauth:2.0:oob', scopes })).data;
    return (await anon.json('POST', '/oauth/token', { grant_type: 'client_credentials', scope: scopes,
        client_id: app.client_id, client_secret: app.client_secret })).data.access_token;
}

const app = await appToken();
const signUp = (fields, by = app) => anon.json('POST', '/api/v1/accounts', { username: 'nova', email: 'nova@example.org', password: PASSWORD,
    agreement: true, locale: 'en', reason: 'I write about stars.', ...fields }, { token: by });
const as = (bearer) => ({
    get: (path) => anon.json('GET', path, undefined, { token: bearer }),
    post: (path, fields = {}) => anon.json('POST', path, fields, { token: bearer }),
});
const linkTo = (email) => mailLink(email, /\/confirm\/[\w.~-]+/);
async function open(link) {
    const browser = new Client();
    return browser.submit((await browser.get(link)).form(link));
}

await member('ada');

await part('who may sign somebody up', async () => {
    equal('not nobody', (await signUp({}, null)).status, 401);
    const pat = await signUp({}, await token('ada'));
    equal('not a member', [pat.status, pat.data.error], [403, 'This method requires the token of an app, without a member']);
    equal('not without the scope', (await signUp({}, await appToken('read'))).status, 403);
});

await part('what is wrong is said by field', async () => {
    const empty = await signUp({ username: '', email: '', password: '', agreement: false, reason: '' });
    equal('422', empty.status, 422);
    equal('each with its kind', Object.fromEntries(Object.entries(empty.data.details).map(([k, v]) => [k, v.map((e) => e.error)])),
        { username: ['ERR_BLANK'], email: ['ERR_BLANK'], password: ['ERR_BLANK'], reason: ['ERR_BLANK'], agreement: ['ERR_ACCEPTED'] });
    check('in words', Object.values(empty.data.details).flat().every((e) => e.description.length > 10) && empty.data.error.includes('username:'));
    const kinds = async (fields) => (await signUp(fields)).data.details;
    equal('taken', (await kinds({ username: 'Ada' })).username[0].error, 'ERR_TAKEN');
    equal('reserved', (await kinds({ username: 'admin' })).username[0].error, 'ERR_RESERVED');
    equal('no handle', (await kinds({ username: 'no no' })).username[0].error, 'ERR_INVALID');
    equal('too long', (await kinds({ username: 'x'.repeat(31) })).username[0].error, 'ERR_TOO_LONG');
    equal('no address', (await kinds({ email: 'nothing' })).email[0].error, 'ERR_INVALID');
    equal('too short', (await kinds({ password: 'short' })).password[0].error, 'ERR_TOO_SHORT');
    equal('an invitation that is none', (await kinds({ invite_code: 'nonsense' })).invite_code[0].error, 'ERR_INVALID');
});

let nova;
await part('a new account', async () => {
    const answer = await signUp({});
    equal('a token at once', [answer.status, answer.data.token_type, answer.data.scope], [200, 'Bearer', 'read write follow']);
    equal('kept nowhere', answer.headers['cache-control'], 'private, no-store');
    nova = as(answer.data.access_token);
    const shut = 'Your login is missing a confirmed e-mail address';
    for (const [name, sent] of [['reading', nova.get(SELF)], ['writing', nova.post('/api/v1/statuses', { status: 'x' })],
        ['what anybody may', nova.get('/api/v1/timelines/public')]]) {
        const refused = await sent;
        equal(`${name} is refused in Mastodon's words`, [refused.status, refused.data.error], [403, shut]);
    }
    const known = await nova.get(CHECK);
    equal('not confirmed yet', [known.status, known.data], [200, false]);
    equal('the app itself has no address', (await as(app).get(CHECK)).status, 422);
    equal('nor has nobody', (await anon.json('GET', CHECK)).status, 401);
});

await part('the mail again, and to a better address', async () => {
    await linkTo('nova@example.org');
    equal('again', [(await nova.post(AGAIN)).status, (await nova.post(AGAIN, { email: 'no address' })).status], [200, 422]);
    await until(async () => (await mails('nova@example.org')).length === 2, 'the second mail');
    const old = await linkTo('nova@example.org');
    equal('elsewhere', (await nova.post(AGAIN, { email: 'nova.right@example.org' })).status, 200);
    const right = await linkTo('nova.right@example.org');
    equal('the old link opens nothing', (await open(old)).status, 410);
    equal('the new one does', (await open(right)).status, 200);
    equal('confirmed', (await nova.get(CHECK)).data, true);
    equal('nothing is left to confirm', [(await nova.post(AGAIN)).status, (await nova.post(AGAIN)).data.error],
        [403, 'This method is only available while the e-mail is awaiting confirmation']);
    equal('an administrator decides', (await nova.get(SELF)).data.error, 'Your login is currently pending approval');
    const boss = await member('boss', { role: 'admin' });
    const waiting = (await boss.call('GET', '/api/deeplink/v1/admin/members?state=pending')).json().items;
    equal('who reads why', waiting.map((m) => [m.handle, m.reason]), [['nova', 'I write about stars.']]);
    await boss.call('POST', `/api/deeplink/v1/admin/members/${waiting[0].id}/approve`);
    const me = await nova.get(SELF);
    equal('then the same token opens', [me.status, me.data.username], [200, 'nova']);
    const written = await nova.post('/api/v1/statuses', { status: 'Hello' });
    equal('and writes, as that app', [written.status, written.data.application], [200, { name: 'Newcomers', website: 'https://newcomers.example' }]);
    equal('everybody sees which', (await anon.json('GET', `/api/v1/statuses/${written.data.id}`)).data.application?.name, 'Newcomers');
    const edited = await anon.json('PUT', `/api/v1/statuses/${written.data.id}`, { status: 'Hello there' }, { token: await token('nova') });
    equal('an edit by another way changes nothing of it', edited.data.application?.name, 'Newcomers');
    equal('a personal token is no app', (await anon.json('POST', '/api/v1/statuses', { status: 'Hi' }, { token: await token('nova') })).data.application, null);
    equal('but not what is staff\'s', (await nova.get('/api/deeplink/v1/admin/members')).status, 403);
});

await part('nobody learns who has an account', async () => {
    const [known, unknown] = [await signUp({ username: 'probe_a', email: 'ada@example.org' }), await signUp({ username: 'probe_b', email: 'nobody@example.org' })];
    equal('the same answer', [known.status, Object.keys(known.data)], [unknown.status, Object.keys(unknown.data)]);
    await until(async () => (await mails('ada@example.org')).some((m) => m.includes('@ada')), 'the mail to the owner');
    check('and no way in', (await mails('ada@example.org')).every((m) => !m.includes('/confirm/')));
    const moved = as(unknown.data.access_token);
    equal('nor by a better address', [(await moved.post(AGAIN, { email: 'ada@example.org' })).status, (await moved.get(CHECK)).data], [200, false]);
});

await part('by invitation', async () => {
    const mod = await member('mod', { role: 'moderator' });
    const invite = (await mod.call('POST', '/api/deeplink/v1/invites', { max_uses: 1, days: 1 })).json();
    const guest = await signUp({ username: 'visitor', email: 'visitor@example.org', reason: '', invite_code: invite.code ?? invite.url.split('/').pop() });
    equal('no reason is asked for', guest.status, 200);
    await open(await linkTo('visitor@example.org'));
    equal('nor an approval', (await as(guest.data.access_token).get(SELF)).status, 200);
    equal('the invitation is used up', (await signUp({ username: 'late', email: 'late@example.org', invite_code: invite.code ?? invite.url.split('/').pop() })).status, 422);
});

await finish();
