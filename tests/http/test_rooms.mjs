// Threads beyond a page, own roles, and leaving, as a browser without script goes through them.
// harness: again on kafka
// harness: set rate_limits = no
// harness: set delete_grace_days = 3
import { Client, PASSWORD, check, deeplink, equal, finish, logIn, member, part, until } from './lib.mjs';

const anonymous = new Client();
let ada, bob, eve;

/** Writes a post or, with `to`, a comment; gives its path and id. */
async function write(client, text, to) {
    const answer = await client.act('/posts', { text, audience: 'public', ...(to ? { in_reply_to: to.id } : {}) }, { follow: false });
    const id = /(\d+)$/.exec(answer.location ?? '')?.[1];
    if (answer.status !== 303)
        throw new Error(`not written: ${answer.status} ${answer.text.slice(0, 200)}`);
    return { id, path: `/@${client.handle}/${id}` };
}

// ---- Threads ---------------------------------------------------------------------------------------------------------

/** Every comment that links alone lead to, from the post's page on, in the order in which they come; `meanwhile` runs between. */
async function walk(client, post, meanwhile = () => {}) {
    const doors = [post.path], found = [];
    for (let pages = 0; doors.length > 0; pages++) {
        const page = await client.get(doors.shift());
        if (page.status !== 200 && !(page.status === 410 && page.text.includes('This comment was deleted'))) // since it was offered
            throw new Error(`${page.url}: ${page.status}`);
        const comments = page.status === 410 ? '' : page.html.slice(page.html.indexOf('id="comments"'));
        found.push(...comments.split('<article').slice(1).filter((c) => !c.slice(0, c.indexOf('</header>')).includes('Former member'))
            .map((c) => /^[^>]* id="p(\d+)"/.exec(c)[1]));
        const on = [...page.links({ rel: 'next' }), ...page.links().filter((l) => /Continue this thread/.test(l.text))];
        doors.push(...on.map((l) => l.href.replace(/#.*/, '')));
        await meanwhile(pages);
    }
    return found;
}

async function threads() {
    const post = await write(ada, 'Many have something to say');
    const all = [], gone = [];
    let parent = post;
    for (let i = 0; i < 90; i++) { // wide, deep, and in between
        const client = i % 9 === 4 ? eve : bob;
        const to = i % 3 === 0 ? post : i % 3 === 1 ? parent : all[Math.floor(i / 2)];
        parent = await write(client, `Comment ${i}`, to);
        all.push({ ...parent, by: client.handle, to: to.id });
    }
    const wanted = all.map((c) => c.id).sort();
    equal('strangers come by every comment, once', (await walk(anonymous, post)).sort(), wanted);
    equal('again, now that the first page is kept', (await walk(anonymous, post)).sort(), wanted);
    equal('members too', (await walk(ada, post)).sort(), wanted);

    // What is deleted on the way, and what comes, is missing or there; all else comes once.
    const late = [];
    const found = await walk(anonymous, post, async (pages) => {
        if (pages < 6) {
            const victim = all[10 + 7 * pages];
            await (victim.by === 'eve' ? eve : bob).act(`/posts/${victim.id}/delete`);
            gone.push(victim.id);
            late.push((await write(bob, `Late ${pages}`, post)).id);
        }
    });
    equal('nothing twice while things change', found.length, new Set(found).size);
    equal('nothing missed while things change', wanted.filter((id) => !gone.includes(id) && !found.includes(id)), []);
    const after = await walk(anonymous, post);
    equal('what came and what went is right afterwards', [late.every((id) => after.includes(id)), gone.some((id) => after.includes(id))], [true, false]);

    await ada.act(`/members/${/\/members\/(\d+)\//.exec((await ada.get('/@eve')).html)[1]}/block`);
    const byEve = new Set(all.filter((c) => c.by === 'eve').map((c) => c.id)), seen = await walk(ada, post);
    check('what a blocked member says is nowhere', !seen.some((id) => byEve.has(id) && !gone.includes(id)));
    const below = (c) => (byEve.has(c.id) && !gone.includes(c.id)) || (c.to !== post.id && below(all.find((d) => d.id === c.to)));
    equal('all else comes once', seen.filter((id) => wanted.includes(id)).sort(), all.filter((c) => !gone.includes(c.id) && !below(c)).map((c) => c.id).sort());
}

// ---- Roles -----------------------------------------------------------------------------------------------------------

async function roles() {
    const boss = await member('boss', { role: 'admin' }), worker = await member('worker');
    let page = await boss.get('/admin/roles');
    equal('the list', page.status, 200);
    check('has what comes with the site', ['Administrator', 'Moderator', 'Member', 'Delete anybody\'s posts'].slice(0, 3).every((w) => page.text.includes(w)));
    const form = (await boss.get('/admin/roles/new')).form('/admin/roles/new');
    page = await boss.submit(form, { name: 'Not A Name', rank: '200', may_moderate: '1' });
    check('what is wrong is said beside the fields, and what was typed stays', page.status === 422 && page.html.includes('id="name-error"') &&
        page.html.includes('id="rank-error"') && page.html.includes('value="Not A Name"') && /name="may_moderate"[^>]*checked/.test(page.html));
    page = await boss.submit(form, { name: 'editor', rank: '20', may_post: '1', may_moderate: '1' });
    check('made', page.url === '/admin/roles' && page.text.includes('The role is there.') && page.text.includes('editor'), page.url);

    const post = await write(bob, 'Not for long');
    equal('worker may not moderate yet', (await worker.get(`/posts/${post.id}/delete`)).status, 403);
    check('the program gives it', (await deeplink('user', 'role', 'worker', 'editor')).includes('@worker: editor'));
    equal('the running session may at once', (await worker.get(`/posts/${post.id}/delete`)).status, 200);
    check('the list counts', (await boss.get('/admin/roles')).links({ prefix: '/admin/members?role=editor' })[0].text.includes('1 member'));
    check('and leads to who it is', (await boss.get('/admin/members?role=editor')).html.includes('@worker'));
    page = await boss.submit((await boss.get('/admin/roles/editor/edit')).form('/admin/roles/editor/edit'), { rank: '21', may_moderate: undefined, may_invite: '1' });
    check('changed', page.text.includes('The role is changed for everybody who has it.'));
    equal('the session lost it at once', (await worker.get(`/posts/${post.id}/delete`)).status, 403);
    equal('and gained the other', (await worker.get('/invites')).status, 200);
    for (const name of ['admin', 'member', 'moderator'])
        equal(`${name} is not deleted`, (await boss.act(`/admin/roles/${name}/delete`, { to: 'member' })).status, 409);
    equal('the admins keep theirs', (await boss.act('/admin/roles/admin/edit', { rank: '100', may_post: '1' })).status, 409);
    const ask = await boss.get('/admin/roles/editor/delete');
    check('deleting asks, and says who becomes what', ask.status === 200 && ask.text.includes('1 member has this role') && /<select[^>]*name="to"/.test(ask.html));
    page = await boss.submit(ask.form('/admin/roles/editor/delete'), { to: 'moderator' });
    check('deleted', page.text.includes('The role is gone.') && !page.links({ prefix: '/admin/roles/editor' }).length);
    equal('its members are what was chosen, at once', (await worker.get('/admin/members')).status, 200);
    await until(async () => (await boss.get('/admin/audit')).text.includes('Deleted a role'), 'the audit log');
    for (const words of ['Made a role', 'Changed what a role may do', 'editor → moderator', 'editor (21): post, invite'])
        check(`the audit log says: ${words}`, (await boss.get('/admin/audit')).text.includes(words));

    // A chief may give roles, but nothing above or beyond.
    await boss.act('/admin/roles/new', { name: 'chief', rank: '60', may_post: '1', may_members: '1', may_roles: '1' });
    const chief = await member('chief', { role: 'chief' });
    page = await chief.get('/admin/roles/new');
    check('boxes that are not theirs to tick', /name="may_audit"[^>]*disabled/.test(page.html) && !/name="may_post"[^>]*disabled/.test(page.html));
    equal('ticked anyway, they stay empty', [(await chief.act('/admin/roles/new', { name: 'spy', rank: '5', may_post: '1', may_audit: '1' })).status,
        /Read the audit log/.test((await chief.get('/admin/roles/spy/edit')).html), /name="may_audit"[^>]*checked/.test((await chief.get('/admin/roles/spy/edit')).html)], [200, true, false]);
    equal('no rank at one\'s own', (await chief.act('/admin/roles/new', { name: 'peer', rank: '60', may_post: '1' })).status, 422);
    equal('not one\'s own role', (await chief.act('/admin/roles/chief/edit', { rank: '59', may_post: '1' })).status, 403);
    equal('nor a moderator\'s rights to somebody', (await chief.act(`/admin/members/${/\/members\/(\d+)\//.exec((await boss.get('/@bob')).html)[1]}/role`, { role: 'moderator' })).status, 403);
}

// ---- Leaving ---------------------------------------------------------------------------------------------------------

const ask = async (client) => (await client.get('/settings/account/delete')).form('/settings/account/delete');

async function comeBack(handle) {
    const client = new Client();
    return { client, page: await client.submit((await client.get('/login')).form('/login'), { login: handle, password: PASSWORD }) };
}

async function leaving() {
    const lea = await member('lea', { name: 'Lea Lovett' }), second = await logIn('lea');
    const post = await write(lea, 'Words of Lea #leaving'), answer = await write(bob, 'An answer of Bob', post);
    await bob.act(`/members/${/\/members\/(\d+)\//.exec((await bob.get('/@lea')).html)[1]}/follow`);
    const places = ['/@lea', post.path, '/local', '/tags/leaving', '/directory', '/'];
    for (const path of places)
        await anonymous.get(path); // now they are kept
    equal('the page of settings leads there', (await lea.get('/settings/account')).links({ prefix: '/settings/account/delete' }).length, 1);
    const question = await lea.get('/settings/account/delete');
    check('it says what goes, what stays, and for how long', ['What will be gone', 'What stays', 'For 3 days', '@lea is never given'].every((w) => question.text.includes(w)));
    const wrong = await lea.submit(await ask(lea), { password: 'not it at all' });
    check('not without the password', wrong.status === 422 && wrong.html.includes('id="password-error"'));
    const done = await lea.submit(await ask(lea), { password: PASSWORD });
    check('done, and said', done.url === '/' && done.text.includes('Your account is deleted.'), done.url);
    for (const client of [lea, second])
        equal('every session has ended', (await client.get('/settings', { follow: false })).status, 303);
    for (const client of [anonymous, bob])
        for (const path of places)
            check(`${path} has nothing of her at once`, !/Lea Lovett|Words of Lea/.test((await client.get(path)).html));
    equal('her page is gone', [(await anonymous.get('/@lea')).status, (await bob.get('/@lea')).status], [410, 410]);
    check('her post is not there', [404, 410].includes((await anonymous.get(post.path)).status));
    equal('the answer of another is', (await anonymous.get(answer.path)).status, 200);

    const { client, page } = await comeBack('lea');
    check('logging in asks whether to restore', page.url.startsWith('/restore/') && page.text.includes('Restore your account?'), page.url);
    equal('and is no log-in yet', (await client.get('/settings', { follow: false })).status, 303);
    const restored = await client.submit(page.form(page.url));
    check('restored', restored.url === '/login' && restored.text.includes('Your account is back.'), restored.url);
    equal('the question stands once', (await client.get(page.url)).status, 410);
    equal('all is there again', [(await anonymous.get('/@lea')).status, (await anonymous.get(post.path)).status], [200, 200]);
    check('also where strangers\' pages were kept without her', (await anonymous.get('/local')).html.includes('Words of Lea'));
    await logIn('lea');
    return { post, answer };
}

async function erasing({ post, answer }) {
    const before = await write(bob, 'Liked by Lea'), lea = await logIn('lea');
    await lea.act(`/posts/${before.id}/like`);
    check('a like counts', (await anonymous.get(before.path)).text.includes('1 like'));
    check('the program deletes at once', (await deeplink('user', 'delete', 'lea', '--now')).includes('erases everything'));
    equal('gone', (await anonymous.get('/@lea')).status, 410);
    await until(async () => !(await anonymous.get(before.path)).text.includes('1 like'), 'the counter of another\'s post');
    await until(async () => (await deeplink('user', 'list', '--state', 'deleted')).includes('@lea\tmember\tdeleted\t\tlea'), 'the erasure of the account');
    equal('her post says that it was deleted', (await anonymous.get(post.path)).status, 410);
    equal('what others said stays', (await anonymous.get(answer.path)).status, 200);
    const { page } = await comeBack('lea');
    equal('nobody logs in by it', [page.url, page.status], ['/login', 401]);
    const again = await anonymous.submit((await anonymous.get('/signup')).form('/signup'),
        { name: 'X', handle: 'lea', email: 'x@example.org', password: PASSWORD, agreement: '1' });
    check('nor takes the handle', again.status === 422 && again.html.includes('id="handle-error"'));
    const boss = await logIn('boss');
    await until(async () => (await boss.get('/admin/audit')).text.includes('An account was erased for good'), 'the proof');
    check('the audit log is whole', (await deeplink('user', 'audit')).includes('the chain is whole'));
    equal('the only admin stays', await deeplink('user', 'delete', 'boss').then(() => 'gone', () => 'refused'), 'refused');
}

[ada, bob, eve] = [await member('ada'), await member('bob'), await member('eve')];
await part('threads', threads);
await part('roles', roles);
await part('leaving', async () => erasing(await leaving()));
await finish();
