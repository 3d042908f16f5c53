// A site that shows itself to members alone: what programs may ask without a token there, and that nothing tells who is a member.
// harness: set intranet = yes
import { Client, deeplink, equal, finish, member, part, token } from './lib.mjs';

const anon = new Client();
await member('ada');
const secret = await token('ada', 'read');
const me = (await anon.json('GET', '/api/v1/accounts/verify_credentials', undefined, { token: secret })).data;

await part('accounts are for members', async () => {
    for (const path of [`/api/v1/accounts/${me.id}`, '/api/v1/accounts/1', `/api/v1/accounts?id[]=${me.id}`, '/api/v1/accounts/lookup?acct=ada',
        `/api/v1/accounts/${me.id}/followers`, `/api/v1/accounts/${me.id}/following`, '/api/v1/directory', '/api/v2/search?q=ada']) {
        const answer = await anon.json('GET', path);
        equal(`${path} without a token`, [answer.status, typeof answer.data.error], [401, 'string']);
    }
    equal('with one', (await anon.json('GET', `/api/v1/accounts/${me.id}`, undefined, { token: secret })).data.acct, 'ada');
});

await part('pictures tell nothing', async () => {
    for (const kind of ['avatars', 'banners'])
        for (const id of [me.id, '1'])
            equal(`${kind} of anybody`, (await anon.get(`/${kind}/${id}.png`)).status, 200);
});

await part('a suspended member asks in vain', async () => {
    await deeplink('user', 'suspend', 'ada');
    equal('the token is shut', (await anon.json('GET', `/api/v1/accounts/${me.id}`, undefined, { token: secret })).status >= 401, true);
});

await finish();
