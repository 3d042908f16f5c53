// Our own API, /api/deeplink/v1: what the pages do, a program does too, by the house rules for errors, lists and changes.
// harness: set registration = approval
// harness: set rate_limits = no
import { Client, PASSWORD, check, deeplink, equal, finish, mailLink, member, part } from './lib.mjs';

const API = '/api/deeplink/v1';
const ada = await member('ada', { name: 'Ada Lovelace' });
const mod = await member('mod', { role: 'moderator' });
const boss = await member('boss', { role: 'admin' });
const nobody = new Client();

await part('the description', async () => {
    const answer = await nobody.get('/api/openapi.json');
    const document = answer.json();
    equal('OpenAPI 3.1', document.openapi, '3.1.0');
    equal('anybody may read it from anywhere', answer.header('access-control-allow-origin'), '*');
    equal('a reader who has it gets 304', (await nobody.get('/api/openapi.json', { headers: { 'if-none-match': answer.header('etag') } })).status, 304);
    equal('the program prints the same', JSON.parse(await deeplink('routes', '--openapi')).paths, document.paths);
    const routes = JSON.parse(await deeplink('routes', '--json')).filter((r) => r.face === 'json' && /^\/(api|oauth)\//.test(r.pattern));
    const missing = routes.filter((r) => !document.paths[r.pattern]?.[r.method.toLowerCase()]);
    equal('every JSON route is in it', missing.map((r) => `${r.method} ${r.pattern}`), []);
    const ids = Object.values(document.paths).flatMap((p) => Object.values(p).map((o) => o.operationId));
    equal('every operation has a name of its own', new Set(ids).size, ids.length);
    const refs = [...JSON.stringify(document).matchAll(/"\$ref":"#\/([^"]+)"/g)].map((m) => m[1]);
    equal('every reference leads somewhere', refs.filter((r) => r.split('/').reduce((at, key) => at?.[key], document) === undefined), []);
});

await part('the reference', async () => {
    const index = await nobody.get('/docs/api');
    equal('a page for readers', index.status, 200);
    for (const { href } of index.links({ prefix: '/docs/api/' }).filter((l) => !l.href.includes('#')))
        equal(`${href} is there`, (await nobody.get(href)).status, 200);
    equal('no such group', (await nobody.get('/docs/api/nothing')).status, 404);
});

await part('errors', async () => {
    const refused = await nobody.call('GET', `${API}/me`);
    equal('who is not known', refused.status, 401);
    equal('a problem has its type', refused.header('content-type'), 'application/problem+json');
    equal('… and names its kind', refused.json().type, 'urn:deeplink:error:UNAUTHENTICATED');
    const wrong = await ada.call('POST', `${API}/me/email`, { email: 'nothing' });
    equal('wrong fields', wrong.status, 422);
    equal('… are named', wrong.json().errors.map((e) => [e.field, e.pointer]), [['email', '#/email'], ['password', '#/password']]);
    equal('an unknown address', (await ada.call('GET', `${API}/nothing`)).json().status, 404);
    equal('a body that cannot be read', (await ada.request('POST', `${API}/me/email`, { headers: { 'content-type': 'application/json', 'x-csrf-token': ada.token }, body: '{' })).status, 400);
    const unread = await ada.request('GET', `${API}/admin/members/%01`);
    equal('an address that cannot be read', [unread.status, unread.header('content-type')], [400, 'application/problem+json']);
    equal('without the form token', (await ada.request('DELETE', `${API}/me/sessions`)).status, 403);
});

await part('me', async () => {
    const me = (await ada.call('GET', `${API}/me`)).json();
    equal('who I am', [me.handle, me.name, me.email, me.role, me.permissions], ['ada', 'Ada Lovelace', 'ada@example.org', 'member', ['post']]);
    equal('… and as others see me', me.account.acct, 'ada');
});

await part('settings', async () => {
    const before = await ada.call('GET', `${API}/me/settings`);
    const etag = before.header('etag');
    check('a strong tag', /^"[0-9a-f]+"$/.test(etag), etag);
    equal('304', (await ada.call('GET', `${API}/me/settings`, undefined, { headers: { 'if-none-match': etag } })).status, 304);
    equal('428 without If-Match', (await ada.call('PATCH', `${API}/me/settings`, { locked: true })).status, 428);
    const after = await ada.call('PATCH', `${API}/me/settings`, { locked: true, theme: 'dark' }, { headers: { 'if-match': etag } });
    equal('changed', [after.status, after.json().locked, after.json().theme], [200, true, 'dark']);
    equal('the rest stays', { ...after.json(), locked: false, theme: 'auto' }, before.json());
    equal('read again', (await ada.call('GET', `${API}/me/settings`)).header('etag'), after.header('etag'));
    equal('412 with the old tag', (await ada.call('PATCH', `${API}/me/settings`, { locked: false }, { headers: { 'if-match': etag } })).status, 412);
    equal('422 for a theme that there is not', (await ada.call('PATCH', `${API}/me/settings`, { theme: 'pink' }, { headers: { 'if-match': after.header('etag') } })).status, 422);
    equal('the page says so too', (await ada.get('/settings/privacy')).form('/settings/privacy').fields.some(([name]) => name === 'locked'), true);
});

await part('one change of two at once wins', async () => {
    const etag = (await ada.call('GET', `${API}/me/profile`)).header('etag');
    const tries = await Promise.all(['one', 'two', 'three', 'four'].map((headline) =>
        ada.call('PATCH', `${API}/me/profile`, { headline }, { headers: { 'if-match': etag } })));
    equal('one is done, the others are told', tries.map((t) => t.status).sort(), [200, 412, 412, 412]);
});

await part('profile', async () => {
    const etag = (await ada.call('GET', `${API}/me/profile`)).header('etag');
    const after = await ada.call('PATCH', `${API}/me/profile`, { bio: 'I *count*.', fields: [{ name: 'Place', value: 'London' }] }, { headers: { 'if-match': etag } });
    equal('saved', [after.status, after.json().bio, after.json().fields], [200, 'I *count*.', [{ name: 'Place', value: 'London' }]]);
    check('the page shows it', (await nobody.get('/@ada')).html.includes('<em>count</em>'));
    const long = await ada.call('PATCH', `${API}/me/profile`, { name: 'x'.repeat(51) }, { headers: { 'if-match': after.header('etag') } });
    equal('too long', [long.status, long.json().errors[0].field], [422, 'name']);
});

await part('sessions', async () => {
    const { logIn } = await import('./lib.mjs');
    const phone = await logIn('ada', PASSWORD, { headers: { 'user-agent': 'Mozilla/5.0 (iPhone; CPU iPhone OS 17_0 like Mac OS X) Version/17.0 Mobile Safari/604.1' } });
    const list = (await ada.call('GET', `${API}/me/sessions`)).json();
    equal('both are there', list.items.length, 2);
    equal('one is the one that asks', list.items.filter((s) => s.current).length, 1);
    const other = list.items.find((s) => !s.current);
    equal('ended', (await ada.call('DELETE', `${API}/me/sessions/${other.id}`)).status, 204);
    equal('it is out', (await phone.call('GET', `${API}/me`)).status, 401);
    equal('ended already', (await ada.call('DELETE', `${API}/me/sessions/${other.id}`)).status, 404);
    equal('nobody ends others\'', (await mod.call('DELETE', `${API}/me/sessions/${list.items.find((s) => s.current).id}`)).status, 404);
    await logIn('ada');
    equal('all others', (await ada.call('DELETE', `${API}/me/sessions`)).status, 204);
    equal('one is left', (await ada.call('GET', `${API}/me/sessions`)).json().items.map((s) => s.current), [true]);
});

/** All pages of a list, by its cursors. */
const asked = (target, limit, cursor) => `${target}${target.includes('?') ? '&' : '?'}limit=${limit}${cursor ? `&cursor=${cursor}` : ''}`;
const linked = (answer, rel) => new RegExp(`cursor=([^>&]+)>; rel="${rel}"`).exec(answer.header('link') ?? '')?.[1] ?? null;

// A list from its beginning to its end, and back up again by `prev`: the same things on the way, none twice, none left out.
// Gives them in their order. between(): what happens meanwhile.
async function walk(client, target, limit, most = limit, between = async () => {}) {
    const read = async (cursor) => {
        const answer = await client.call('GET', asked(target, limit, cursor)), page = answer.json();
        check(`a page is no longer than asked (${target})`, page.items.length <= most);
        equal(`Link says the same (${target})`, [linked(answer, 'next'), linked(answer, 'prev')], [page.next, page.prev]);
        return page;
    };
    const pages = [await read(null)];
    equal(`there is nothing before the beginning (${target})`, pages[0].prev, null);
    while (pages.at(-1).next && pages.length < 50) {
        await between(pages.length);
        pages.push(await read(pages.at(-1).next));
    }
    const items = pages.flatMap((p) => p.items), back = [...pages.at(-1).items];
    for (let page = pages.at(-1), n = 0; page.prev && n < 60; n++) {
        const before = await read(page.prev);
        check(`a page before another leads to it (${target})`, before.next !== null);
        back.unshift(...before.items);
        page = before;
    }
    const key = (i) => i.id ?? i.seq;
    equal(`${target} by ${limit}: back up, the same`, back.map(key).slice(-items.length), items.map(key));
    walk.back = back;
    return items;
}

await part('history', async () => {
    const { until } = await import('./lib.mjs');
    await until(async () => (await ada.call('GET', `${API}/me/activity`)).json().items.length >= 4, 'the history');
    const all = (await ada.call('GET', `${API}/me/activity?limit=80`)).json().items;
    equal('page by page the same', (await walk(ada, `${API}/me/activity`, 2)).map((a) => a.id), all.map((a) => a.id));
    const cursor = (await ada.call('GET', `${API}/me/activity?limit=1`)).json().next;
    for (const bad of ['x', 'AAAA', `${cursor}x`, cursor.slice(0, -2), `${cursor.slice(0, 5)}A${cursor.slice(6)}`])
        equal(`a cursor of one's own making (${bad.slice(0, 6)})`, (await ada.call('GET', `${API}/me/activity?cursor=${bad}`)).status, bad === cursor ? 200 : 400);
    equal('a cursor of another list', (await boss.call('GET', `${API}/admin/audit?cursor=${cursor}`)).status, 400);
    equal('a limit past the most', (await ada.call('GET', `${API}/me/activity?limit=81`)).status, 422);
});

await part('password', async () => {
    equal('the wrong one', (await ada.call('POST', `${API}/me/password`, { current: 'x', password: 'another long meadow' })).status, 422);
    equal('changed', (await ada.call('POST', `${API}/me/password`, { current: PASSWORD, password: 'another long meadow' })).status, 204);
    equal('still in', (await ada.call('GET', `${API}/me`)).status, 200);
});

await part('mailed links', async () => {
    equal('a reset is asked for', (await nobody.call('POST', `${API}/auth/reset/mail`, { email: 'ada@example.org' })).status, 202);
    equal('the same for an unknown address', (await nobody.call('POST', `${API}/auth/reset/mail`, { email: 'nobody@example.org' })).status, 202);
    const token = (await mailLink('ada@example.org', /\/reset\/[\w.~-]+/)).split('/').pop();
    equal('a bad token', (await nobody.call('POST', `${API}/auth/reset`, { token: 'x', password: PASSWORD })).status, 404);
    equal('set', (await nobody.call('POST', `${API}/auth/reset`, { token, password: PASSWORD })).status, 204);
    equal('once alone', (await nobody.call('POST', `${API}/auth/reset`, { token, password: PASSWORD })).status, 410);
    const { logIn } = await import('./lib.mjs');
    Object.assign(ada, { cookies: (await logIn('ada')).cookies, token: undefined });
    const form = (await nobody.get('/signup')).form('/signup');
    await nobody.submit(form, { handle: 'newcomer', email: 'newcomer@example.org', password: PASSWORD, reason: 'I count too.', agreement: '1' });
    equal('a confirmation is sent again', (await nobody.call('POST', `${API}/auth/confirm/mail`, { email: 'newcomer@example.org' })).status, 202);
    const confirm = (await mailLink('newcomer@example.org', /\/confirm\/[\w.~-]+/)).split('/').pop();
    equal('confirmed', (await nobody.call('POST', `${API}/auth/confirm`, { token: confirm })).status, 204);
});

await part('members', async () => {
    equal('not for members', (await ada.call('GET', `${API}/admin/members`)).status, 403);
    const all = await walk(mod, `${API}/admin/members`, 2);
    equal('everybody', all.map((m) => m.handle).sort(), ['ada', 'boss', 'mod', 'newcomer']);
    for (const query of ['?state=active', '?state=active&role=member', '?q=ada', '?role=admin'])
        await walk(mod, `${API}/admin/members${query}`, 1);
    let later = 0;
    await walk(mod, `${API}/admin/members`, 1, 1, async () => deeplink('user', 'create', `later_${++later}`, '--email', `later_${later}@example.org`, '--password', PASSWORD));
    equal('who came meanwhile is found on the way back', walk.back.map((m) => m.handle).slice(0, later), Array.from({ length: later }, (_, i) => `later_${later - i}`));
    const pending = (await mod.call('GET', `${API}/admin/members?state=pending`)).json().items;
    equal('who waits', pending.map((m) => [m.handle, m.reason]), [['newcomer', 'I count too.']]);
    const at = `${API}/admin/members/${pending[0].id}`;
    equal('let in', (await mod.call('POST', `${at}/approve`)).json().state, 'active');
    equal('let in twice', (await mod.call('POST', `${at}/approve`)).status, 409);
    equal('suspended', (await mod.call('POST', `${at}/suspend`, { note: 'for a test' })).json().state, 'suspended');
    equal('restored', (await mod.call('POST', `${at}/restore`)).json().state, 'active');
    const one = await boss.call('GET', at);
    equal('by role', (await mod.call('PUT', `${at}/role`, { role: 'moderator' }, { headers: { 'if-match': one.header('etag') } })).status, 403);
    equal('a role without If-Match', (await boss.call('PUT', `${at}/role`, { role: 'moderator' })).status, 428);
    equal('a role', (await boss.call('PUT', `${at}/role`, { role: 'moderator' }, { headers: { 'if-match': one.header('etag') } })).json().role, 'moderator');
    equal('… that another gave meanwhile', (await boss.call('PUT', `${at}/role`, { role: 'member' }, { headers: { 'if-match': one.header('etag') } })).status, 412);
    equal('no such member', (await boss.call('GET', `${API}/admin/members/1`)).status, 404);
    equal('no number', (await boss.call('GET', `${API}/admin/members/x`)).status, 404);
});

await part('roles and invites', async () => {
    const roles = (await ada.call('GET', `${API}/roles`)).json().items;
    equal('the three', roles.map((r) => r.name).slice(0, 3), ['member', 'moderator', 'admin']);
    equal('members make none', (await ada.call('POST', `${API}/invites`, { max_uses: 1, days: 1 })).status, 403);
    const made = await mod.call('POST', `${API}/invites`, { max_uses: 2, days: 3 });
    equal('made', [made.status, made.json().max_uses, made.json().spent], [201, 2, false]);
    equal('listed', (await mod.call('GET', `${API}/invites`)).json().items.map((i) => i.id), [made.json().id]);
    equal('its address works', (await new Client().get(new URL(made.json().url).pathname)).status, 200);
    equal('taken back', (await mod.call('DELETE', `${API}/invites/${made.json().id}`)).status, 204);
    equal('… once', (await mod.call('DELETE', `${API}/invites/${made.json().id}`)).status, 404);
    equal('not without end', (await mod.call('POST', `${API}/invites`, { max_uses: 0, days: 3 })).status, 422);
});

await part('comments', async () => {
    const { token } = await import('./lib.mjs');
    const bearer = await token('ada');
    const say = async (status, to) => (await nobody.json('POST', '/api/v1/statuses', { status, in_reply_to_id: to }, { token: bearer })).data.id;
    const post = await say('The post'), direct = [];
    for (let i = 0; i < 7; i++)
        direct.push(await say(`Comment ${i}`, post));
    const below = await say('Below the first', direct[0]), deepest = await say('Deeper', below);
    const all = await walk(nobody, `${API}/posts/${post}/comments`, 3, 5);
    for (const limit of [1, 2, 4, 7, 9])
        await walk(nobody, `${API}/posts/${post}/comments`, limit, limit + 2);
    equal('every comment once, behind what it answers', all.map((c) => c.id), [direct[0], below, deepest, ...direct.slice(1)]);
    equal('its depth', all.slice(0, 3).map((c) => c.depth), [0, 1, 2]);
    equal('its words', all[1].status.content, '<p>Below the first</p>');
    const wide = [];
    for (let i = 0; i < 25; i++)
        wide.push(await say(`Wide ${i}`, direct[1]));
    const cut = (await nobody.call('GET', `${API}/posts/${post}/comments`)).json().items;
    const parent = cut.find((c) => c.id === direct[1]);
    check('what is left out is said', parent.more && parent.more_url);
    const rest = (await nobody.call('GET', parent.more_url.replace(/^https?:\/\/[^/]+/, ''))).json().items;
    equal('… and found there', [...cut, ...rest].map((c) => c.id).filter((id) => wide.includes(id)), wide);
    await nobody.json('PUT', `/api/v1/statuses/${post}`, { status: 'The *post*' }, { token: bearer });
    equal('its versions', (await nobody.call('GET', `${API}/posts/${post}/history`)).json().items.map((r) => [r.number, r.text]), [[1, 'The post'], [2, 'The *post*']]);
    equal('no such post', (await nobody.call('GET', `${API}/posts/1/comments`)).status, 404);
    equal('tags', (await nobody.call('GET', `${API}/tags/trending`)).status, 200);
});

await part('own roles and what was let in', async () => {
    const made = await boss.call('POST', `${API}/roles`, { name: 'librarian', rank: 5, may_post: true, may_invite: true });
    equal('made', [made.status, made.json().permissions, made.json().members], [201, ['post', 'invite'], 0]);
    equal('not by moderators', (await mod.call('POST', `${API}/roles`, { name: 'x', rank: 1 })).status, 403);
    const etag = (await boss.call('GET', `${API}/roles/librarian`)).header('etag');
    equal('428', (await boss.call('PUT', `${API}/roles/librarian`, { rank: 6, may_post: true })).status, 428);
    equal('changed', (await boss.call('PUT', `${API}/roles/librarian`, { rank: 6, may_post: true }, { headers: { 'if-match': etag } })).json().permissions, ['post']);
    equal('412', (await boss.call('PUT', `${API}/roles/librarian`, { rank: 7 }, { headers: { 'if-match': etag } })).status, 412);
    equal('deleted', (await boss.call('DELETE', `${API}/roles/librarian?to=member`)).status, 204);
    equal('gone', (await boss.call('GET', `${API}/roles/librarian`)).status, 404);
    const { token } = await import('./lib.mjs');
    await token('mod', 'read');
    const access = (await mod.call('GET', `${API}/me/access`)).json().items;
    equal('a personal token', access.map((a) => a.scopes), [['read']]);
    equal('ended', (await mod.call('DELETE', `${API}/me/access/tokens/${access[0].token_id}`)).status, 204);
    equal('none is left', (await mod.call('GET', `${API}/me/access`)).json().items, []);
    equal('leaving takes the password', (await mod.call('POST', `${API}/me/deletion`, { password: 'x' })).status, 422);
});

await part('audit log', async () => {
    const { until } = await import('./lib.mjs');
    equal('not for moderators', (await mod.call('GET', `${API}/admin/audit`)).status, 403);
    await until(async () => (await boss.call('GET', `${API}/admin/audit?kind=invite.revoked`)).json().items.length === 1, 'the entry');
    const all = await walk(boss, `${API}/admin/audit`, 7);
    equal('without gaps, the newest first', all.map((e) => e.seq), all.map((_, i) => all.length - i));
    const mine = await walk(boss, `${API}/admin/audit?actor_id=${all.find((e) => e.actor === 'mod').actor_id}`, 3);
    equal('by who did it', mine.map((e) => e.seq).filter((seq) => seq <= all.length), all.filter((e) => e.actor === 'mod').map((e) => e.seq));
    const kinds = (await boss.call('GET', `${API}/admin/audit?kind=member.suspended`)).json().items;
    equal('by what it was', kinds.map((e) => [e.actor, e.target]), [['mod', 'newcomer']]);
});

await finish();
