// Who may do what: every route of the program, for every kind of visitor, on one's own and on others' things. The routes
// come from the program itself, so a new one without a row here fails.
// harness: set rate_limits = no
import { Client, check, deeplink, equal, finish, logIn, member, part, until } from './lib.mjs';
import { multipart, png } from './lib_media.mjs';

// ---- The people ------------------------------------------------------------------------------------------------------

// owner: wrote the posts. blocked: whom she blocks. blocker: who blocks her. follower: follows her. named: mentioned in her
// direct post. moderator, admin: by role, without any relation to her.
const ROLES = ['nobody', 'stranger', 'blocked', 'blocker', 'follower', 'named', 'owner', 'moderator', 'admin'];
const who = { nobody: new Client() }, id = {};

async function idOf(handle) {
    const asker = handle === 'admin1' ? who.moderator : who.admin;
    return /\/members\/(\d+)\//.exec((await asker.get(`/@${handle}`)).html)[1];
}

/** One word for an answer: its status, or where a redirect for want of rights leads. */
function outcome(answer) {
    if (answer.status === 303 && answer.location.startsWith('/login?'))
        return 'login';
    return answer.status;
}

const ask = async (role, method, path, fields = {}) => outcome(method === 'GET'
    ? await who[role].get(path, { follow: false })
    : role === 'nobody' ? await who.nobody.post(path, fields, { follow: false }) : await who[role].act(path, fields, { follow: false }));

async function enter() {
    for (const role of ['stranger', 'blocked', 'blocker', 'follower', 'named', 'owner'])
        who[role] = await member(role, { name: `The ${role}` });
    who.moderator = await member('moderator', { role: 'moderator' });
    who.admin = await member('admin1', { role: 'admin' });
    for (const handle of ['victim', 'second_mod'])
        await member(handle, { role: handle === 'second_mod' ? 'moderator' : 'member' });
    for (const role of ROLES.slice(1))
        id[role] = await idOf(role === 'admin' ? 'admin1' : role);
    [id.victim, id.second_mod] = [await idOf('victim'), await idOf('second_mod')];
    for (const role of ['blocked', 'blocker', 'follower'])
        await who[role].act(`/members/${id.owner}/follow`);
}

// ---- Posts -----------------------------------------------------------------------------------------------------------

const AUDIENCES = ['public', 'unlisted', 'followers', 'direct'];
const word = { public: 'Wordpublic', unlisted: 'Wordunlisted', followers: 'Wordfollowers', direct: 'Worddirect' };
const post = {};

async function write(role, text, audience, fields = {}) {
    const answer = await who[role].act('/posts', { text, audience, ...fields }, { follow: false });
    if (answer.status !== 303)
        throw new Error(`${role} could not write: ${answer.status} ${answer.text.slice(0, 200)}`);
    const seen = await who[role].get(`/@${role}`);
    return /#p(\d+)$/.exec(answer.location)?.[1] ?? /\/(\d+)(#.*)?$/.exec(answer.location)?.[1] ?? seen.tags('article')[0].id.slice(1);
}

function sees(role, audience) {
    if (role === 'owner')
        return true;
    if (['blocked', 'blocker'].includes(role))
        return false;
    if (audience === 'followers')
        return role === 'follower';
    return audience === 'direct' ? role === 'named' : true;
}

const text = (audience) => `${word[audience]} about #secrets${audience === 'direct' ? ' for @named' : ''}`;

async function writeAll() {
    for (const audience of AUDIENCES)
        post[audience] = await write('owner', text(audience), audience);
    // What blocked, blocker and follower did while they still could must not give them sight afterwards.
    for (const role of ['blocked', 'blocker', 'follower'])
        for (const audience of AUDIENCES.filter((a) => a !== 'direct'))
            for (const act of ['like', 'bookmark'])
                equal(`${role} may still ${act} ${audience}`, await ask(role, 'POST', `/posts/${post[audience]}/${act}`), 303);
    await who.owner.act(`/posts/${post.public}/edit`, { text: `${text('public')} edited` });
    await who.follower.act(`/posts/${post.public}/repost`);
    await who.owner.act(`/members/${id.blocked}/block`);
    await who.blocker.act(`/members/${id.owner}/block`);
}

/** expected(role, audience) for each route that takes a post; nobody is told to log in unless it is open. */
const open = (yes) => (role, audience) => (sees(role, audience) ? yes : 404);
const members = (yes) => (role, audience) => (role === 'nobody' ? 'login' : sees(role, audience) ? (typeof yes === 'function' ? yes(role, audience) : yes) : 404);
const isOpen = (audience) => audience === 'public' || audience === 'unlisted';
const mineOnly = (yes) => members((role) => (role === 'owner' ? yes : 403));
const mineOrStaff = (yes) => members((role) => (['owner', 'moderator', 'admin'].includes(role) ? yes : 403));
const pinned = members((role, audience) => (role !== 'owner' ? 403 : isOpen(audience) ? 303 : 409));

const postRoutes = {
    'GET /@{handle}/{id}': open(200),
    'GET /posts/{id}/history': open(200),
    'GET /posts/{id}/likes': open(200),
    'GET /posts/{id}/reposts': open(200),
    'POST /posts/{id}/like': members(303),
    'POST /posts/{id}/unlike': members(303),
    'POST /posts/{id}/bookmark': members(303),
    'POST /posts/{id}/unbookmark': members(303),
    'POST /posts/{id}/repost': members((_, audience) => (isOpen(audience) ? 303 : 403)),
    'POST /posts/{id}/unrepost': members(303),
    'POST /posts/{id}/pin': pinned,
    'POST /posts/{id}/unpin': members((role) => (role === 'owner' ? 303 : 403)),
    'GET /posts/{id}/edit': mineOnly(200),
    'POST /posts/{id}/edit': mineOnly(303),
    'GET /posts/{id}/delete': mineOrStaff(200),
    'POST /posts/{id}/delete': mineOrStaff(303),
};

// Each is tried by the one who may least first; what takes something away gets a post of its own for each try.
async function posts() {
    for (const [key, expected] of Object.entries(postRoutes)) {
        const [method, pattern] = key.split(' '), destroys = key === 'POST /posts/{id}/delete', wrong = [];
        for (const audience of AUDIENCES) {
            let target = destroys ? await write('owner', text(audience), audience) : post[audience];
            for (const role of ROLES) {
                const path = pattern.replace('{id}', target).replace('{handle}', 'owner');
                const was = await ask(role, method, path, pattern.endsWith('/edit') ? { text: text(audience) } : {});
                const wanted = expected(role, audience);
                if (was !== wanted)
                    wrong.push(`${role} on ${audience}: ${was} instead of ${wanted}`);
                if (destroys && was === 303 && role !== 'nobody')
                    target = await write('owner', text(audience), audience);
            }
            if (destroys)
                await who.owner.act(`/posts/${target}/delete`);
        }
        check(key, wrong.length === 0, wrong.join('; '));
    }
}

async function commenting() {
    const wrong = [];
    for (const audience of AUDIENCES)
        for (const role of ROLES) {
            const form = outcome(await who[role].get(`/compose?in_reply_to=${post[audience]}`, { follow: false }));
            const sent = await ask(role, 'POST', '/posts', { text: `By ${role} on ${audience}`, audience: 'public', in_reply_to: post[audience] });
            const wanted = role === 'nobody' ? ['login', 'login'] : sees(role, audience) ? [200, 303] : [404, 404];
            if (form !== wanted[0] || sent !== wanted[1])
                wrong.push(`${role} on ${audience}: ${form}, ${sent} instead of ${wanted}`);
        }
    check('commenting', wrong.length === 0, wrong.join('; '));
    // A comment is for no more people than what it answers, whatever its author chose.
    for (const role of ['nobody', 'stranger', 'moderator', 'blocked'])
        for (const path of ['/@owner/replies', '/@follower/replies', '/@named/replies', '/local', '/@follower/feed.atom']) {
            const page = await who[role].get(path);
            for (const narrow of ['followers', 'direct'])
                check(`${path}: ${role} sees no comment on what is ${narrow}`, !page.html.includes(`on ${narrow}`));
        }
}

// ---- Lists and feeds: the words of a post stand nowhere where its reader may not be -----------------------------------

const listRoutes = ['/', '/local', '/tags', '/tags/secrets', '/tags/secrets/feed.atom', '/@owner', '/@owner/replies', '/@owner/feed.atom',
    '/@follower', '/@follower/replies', '/@follower/feed.atom', '/@blocked', '/@blocker', '/@named', '/bookmarks', '/likes', '/fragment/home',
    '/fragment/local', '/fragment/tag/secrets', 'OWNER', 'OWNER?replies=1', 'FOLLOWER', '/directory', '/@owner/followers', '/@follower/following'];

async function lists() {
    for (const role of ROLES) {
        const wrong = [];
        for (const at of listRoutes) {
            const path = at.replace(/^OWNER/, `/fragment/user/${id.owner}`).replace(/^FOLLOWER/, `/fragment/user/${id.follower}`);
            const page = await who[role].get(path, { follow: false });
            if (page.status >= 500)
                wrong.push(`${path}: ${page.status}`);
            const reader = at.endsWith('.atom') ? 'nobody' : role; // feeds are the same for everybody
            for (const audience of AUDIENCES)
                if (!sees(reader, audience) && page.html.includes(word[audience]))
                    wrong.push(`${path} shows ${audience}`);
            if (['blocked', 'blocker'].includes(role) && page.html.includes(`id="p${post.public}"`))
                wrong.push(`${path} has the post of who is severed`);
        }
        check(`lists for ${role}`, wrong.length === 0, wrong.join('; '));
    }
    check('the follower sees what is for followers', (await who.follower.get('/')).html.includes(word.followers));
    check('the one named sees what is direct', (await who.named.get(`/@owner/${post.direct}`)).html.includes(word.direct));
    await who.follower.act(`/members/${id.owner}/unfollow`);
    for (const path of ['/', '/bookmarks', '/likes', '/@owner', `/@owner/${post.followers}`, `/posts/${post.followers}/history`, `/posts/${post.followers}/likes`,
        '/fragment/home', `/fragment/user/${id.owner}`, '/tags/secrets', '/@owner/feed.atom'])
        check(`who follows no more sees nothing of it on ${path}`, !(await who.follower.get(path)).html.includes(word.followers));
    await who.follower.act(`/members/${id.owner}/follow`);
}

// ---- Members ---------------------------------------------------------------------------------------------------------

async function profiles() {
    await deeplink('user', 'create', 'hidden_one', '--email', 'hidden_one@example.org', '--password', 'quiet meadow lantern');
    const hidden = await logIn('hidden_one');
    await hidden.act(`/members/${id.owner}/follow`);
    await hidden.submit((await hidden.get('/settings/privacy')).form('/settings/privacy'), { hide_network: '1', discoverable: undefined, noindex: '1' });
    await deeplink('user', 'create', 'gone_one', '--email', 'gone_one@example.org', '--password', 'quiet meadow lantern', '--name', 'Gonename');
    await deeplink('user', 'suspend', 'gone_one');
    const stranger = new Client();
    await stranger.submit((await stranger.get('/signup')).form('/signup'), { name: 'Unconfirmedname', handle: 'unconfirmed_one',
        email: 'unconfirmed_one@example.org', password: 'quiet meadow lantern', agreement: '1' });
    const tabs = ['', '/replies', '/followers', '/following', '/feed.atom', '/avatar.svg', '/banner.svg'];
    for (const role of ['nobody', 'stranger', 'moderator']) {
        for (const tab of tabs) {
            for (const [handle, name] of [['gone_one', 'Gonename'], ['unconfirmed_one', 'Unconfirmedname']]) {
                const page = await who[role].get(`/@${handle}${tab}`, { follow: false });
                check(`${role}: /@${handle}${tab} is not there`, [404, 410].includes(page.status) && !page.html.includes(name), page.status);
            }
            equal(`${role}: /@nobody_of_that_name${tab}`, (await who[role].get(`/@nobody_of_that_name${tab}`)).status, 404);
        }
        for (const tab of ['/followers', '/following'])
            check(`${role}: a hidden network is hidden${tab}`, !(await who[role].get(`/@hidden_one${tab}`)).html.includes('@owner'));
        check(`${role}: the directory has only who wants to be there`, !(await who[role].get('/directory?q=hidden_one')).html.includes('@hidden_one'));
    }
    check('who keeps search engines out', (await who.nobody.get('/@hidden_one')).meta('robots')?.includes('noindex'));
    equal('one\'s own network is there', (await hidden.get('/@hidden_one/following')).html.includes('@owner'), true);
    for (const tab of tabs.filter((t) => !/\.(svg|atom)$/.test(t))) {
        const page = await who.blocked.get(`/@owner${tab}`);
        check(`blocked: /@owner${tab}`, page.status === 404 && !page.html.includes('The owner'), page.status);
    }
    check('a blocker still finds the way to unblock', (await who.blocker.get('/@owner')).status === 200);
    for (const path of ['/directory', '/@follower/following', `/posts/${post.public}/likes`])
        check(`blocked: nothing of the owner on ${path}`, !(await who.blocked.get(path)).html.includes('@owner<'));
}

// Acts on members: what is nobody's business is refused, whatever the id.
const memberRoutes = ['follow', 'unfollow', 'remove-follower', 'block', 'unblock', 'mute', 'unmute'];

async function membersActs() {
    for (const act of memberRoutes) {
        const path = (target) => `/members/${target}/${act}`;
        equal(`${act}: nobody`, await ask('nobody', 'POST', path(id.victim)), 'login');
        equal(`${act}: oneself`, await ask('stranger', 'POST', path(id.stranger)), 422);
        check(`${act}: no such member`, [404, 303].includes(await ask('stranger', 'POST', path('1'))));
        for (const bad of ['0', '-1', 'x', '99999999999999999999', '9223372036854775808'])
            equal(`${act}: ${bad}`, await ask('stranger', 'POST', path(bad)), 404);
        equal(`${act}: a member`, await ask('stranger', 'POST', path(id.victim)), 303);
    }
    for (const act of ['block', 'mute']) {
        equal(`ask ${act}: nobody`, await ask('nobody', 'GET', `/members/${id.victim}/${act}`), 'login');
        equal(`ask ${act}: a member`, await ask('stranger', 'GET', `/members/${id.victim}/${act}`), 200);
        equal(`ask ${act}: no such member`, await ask('stranger', 'GET', `/members/1/${act}`), 404);
    }
    equal('who is blocked does not follow', await ask('blocked', 'POST', `/members/${id.owner}/follow`), 403);
    equal('nor who blocks', await ask('blocker', 'POST', `/members/${id.owner}/follow`), 403);
    check('a block cannot be lifted by the other side', (await ask('blocked', 'POST', `/members/${id.owner}/unblock`), (await who.blocked.get('/@owner')).status) === 404);
}

async function requests() {
    const locked = who.victim = await logIn('victim');
    await locked.submit((await locked.get('/settings/privacy')).form('/settings/privacy'), { locked: '1' });
    await who.stranger.act(`/members/${id.victim}/follow`);
    for (const answer of ['accept', 'reject']) {
        const path = `/requests/${id.stranger}/${answer}`;
        equal(`${answer}: nobody`, await ask('nobody', 'POST', path), 'login');
        for (const role of ['named', 'moderator', 'admin', 'stranger'])
            check(`${answer}: ${role}, to whom it was not made`, [400, 404].includes(await ask(role, 'POST', path)));
    }
    check('others do not see it', !(await who.admin.get('/network')).html.includes('@stranger<'));
    equal('its receiver accepts', await ask('victim', 'POST', `/requests/${id.stranger}/accept`), 303);
    equal('once', await ask('victim', 'POST', `/requests/${id.stranger}/accept`), 404);
}

// ---- One's own things ------------------------------------------------------------------------------------------------

const ownPages = ['/settings', '/settings/profile', '/settings/account', '/settings/sessions', '/settings/privacy', '/settings/appearance',
    '/settings/activity', '/settings/apps', '/settings/account/delete', '/settings/blocks', '/settings/mutes', '/bookmarks', '/likes', '/lists', '/network', '/compose', '/fragment/home',
    '/notifications', '/notifications/requests', '/notifications/policy', '/settings/notifications', '/settings/media', '/settings/picture'];
const ownForms = { '/settings/profile': { name: 'x' }, '/settings/email': { email: 'x@example.org', password: 'x' }, '/settings/password': { current: 'x', password: 'y' }, '/settings/account/delete': { password: 'x' },
    '/settings/sessions/end-others': {},
    '/settings/privacy': { default_audience: 'public' }, '/settings/appearance': { theme: 'dark' },
    '/notifications/read': { last_id: '1' }, '/notifications/policy': { not_following: 'accept' },
    '/settings/notifications': { quiet_from: '22:00', quiet_to: '07:00', time_zone: 'UTC', hour_cap: '5', day_cap: '20', digest_hour: '7' } };

async function own() {
    for (const path of ownPages) {
        equal(`${path}: nobody`, await ask('nobody', 'GET', path), 'login');
        equal(`${path}: a member`, await ask('named', 'GET', path), 200);
        const page = await who.named.get(path);
        check(`${path} is for its reader alone`, /^private, no-(store|cache)$/.test(page.header('cache-control') ?? ''), page.header('cache-control'));
        check(`${path} says nothing of others`, !/(owner|stranger|admin1)@example\.org/.test(page.html));
    }
    for (const [path, fields] of Object.entries(ownForms))
        equal(`POST ${path}: nobody`, await ask('nobody', 'POST', path, fields), 'login');

    const second = await logIn('named');
    const end = (await who.named.get('/settings/sessions')).forms.flatMap((f) => f.buttons).find((b) => /\/sessions\/\d+\/end$/.test(b.action)).action;
    equal('a session: nobody ends it', await ask('nobody', 'POST', end), 'login');
    for (const role of ['stranger', 'moderator', 'admin'])
        equal(`a session: ${role} does not end it`, await ask(role, 'POST', end), 404);
    equal('it lives', (await second.get('/settings', { follow: false })).status, 200);
    equal('its member ends it', await ask('named', 'POST', end), 303);
    equal('it is over', (await second.get('/settings', { follow: false })).status, 303);
    for (const [path, fields] of Object.entries(ownForms).filter(([p]) => !/password|email|delete/.test(p)))
        equal(`POST ${path}: a member`, await ask('stranger', 'POST', path, fields), 303);
    for (const path of ['/settings/email', '/settings/password', '/settings/account/delete'])
        check(`POST ${path}: not without the password`, [422, 429].includes(await ask('stranger', 'POST', path, ownForms[path])));
    for (const act of ['accept', 'dismiss']) {
        equal(`a request held back: nobody ${act}s it`, await ask('nobody', 'POST', `/notifications/requests/1/${act}`), 'login');
        equal('… nor who has none', await ask('stranger', 'POST', `/notifications/requests/1/${act}`), 404);
    }
    for (const act of ['follow', 'unfollow']) {
        equal(`a tag: nobody can ${act} it`, await ask('nobody', 'POST', `/tags/quiet/${act}`), 'login');
        equal(`a tag: a member can ${act} it`, await ask('stranger', 'POST', `/tags/quiet/${act}`), 303);
    }
    equal('a notification: nobody takes it away', await ask('nobody', 'POST', '/notifications/groups/ungrouped-1/dismiss'), 'login');
    equal('… and who has none takes nothing', await ask('stranger', 'POST', '/notifications/groups/ungrouped-1/dismiss'), 303);
    equal('nobody logs out nobody', (await new Client().post('/logout', {}, { follow: false })).status, 403);
}

// Lists are their owner's alone: pages, forms and what stands in them.
const listPages = ['', '/edit', '/delete', '/members', '/people'], listForms = ['/edit', '/delete'];
const keptRoutes = ['POST /lists', 'GET /fragment/list/{id}', 'GET /members/{id}/lists', ...listPages.map((page) => `GET /lists/{id}${page}`), ...listForms.map((form) => `POST /lists/{id}${form}`),
    ...['add', 'remove'].map((act) => `POST /lists/{id}/members/{member}/${act}`)];

async function keptLists() {
    equal('a list: nobody makes one', await ask('nobody', 'POST', '/lists', { title: 'x' }), 'login');
    equal('a name is needed', await ask('follower', 'POST', '/lists', { title: ' ' }), 422);
    const made = await who.follower.act('/lists', { title: 'Wordofalist' }, { follow: false });
    const list = /\/lists\/(\d+)/.exec(made.location)[1];
    equal('who is followed is put on it', await ask('follower', 'POST', `/lists/${list}/members/${id.owner}/add`), 303);
    equal('twice is once', await ask('follower', 'POST', `/lists/${list}/members/${id.owner}/add`), 303);
    equal('nobody else', await ask('follower', 'POST', `/lists/${list}/members/${id.victim}/add`), 404);
    const all = [...listPages.map((page) => ['GET', `/lists/${list}${page}`]), ['GET', `/fragment/list/${list}`], ['POST', `/lists/${list}/edit`], ['POST', `/lists/${list}/members/${id.owner}/add`],
        ['POST', `/lists/${list}/members/${id.owner}/remove`], ['POST', `/lists/${list}/delete`]];
    for (const [method, path] of all) {
        equal(`${method} ${path}: nobody`, await ask('nobody', method, path), 'login');
        for (const role of ['stranger', 'owner', 'moderator', 'admin'])
            equal(`${method} ${path}: ${role}`, await ask(role, method, path, { title: 'Mine now', replies: 'none' }), 404);
    }
    for (const page of listPages)
        equal(`its owner: ${page}`, await ask('follower', 'GET', `/lists/${list}${page}`), 200);
    const shown = (await who.follower.get(`/lists/${list}`)).html;
    check('it has what is for followers, and not what is for others', shown.includes(word.followers) && !shown.includes(word.direct));
    check('others do not see it', !(await who.owner.get('/lists')).html.includes('Wordofalist'));
    equal('lists with somebody: nobody', await ask('nobody', 'GET', `/members/${id.owner}/lists`), 'login');
    check('… their owner', (await who.follower.get(`/members/${id.owner}/lists`)).html.includes('Wordofalist'));
    check('… somebody else', !(await who.stranger.get(`/members/${id.owner}/lists`)).html.includes('Wordofalist'));
    equal('it is changed', await ask('follower', 'POST', `/lists/${list}/edit`, { title: 'Wordofalist', replies: 'none', exclusive: '1' }), 303);
    check('out of home', !(await who.follower.get('/')).html.includes(word.followers));
    equal('and deleted', await ask('follower', 'POST', `/lists/${list}/delete`), 303);
    check('into home again', (await who.follower.get('/')).html.includes(word.followers));
}

// ---- Media -----------------------------------------------------------------------------------------------------------

let shade = 0;

async function uploaded(role) {
    const form = multipart([['file', png(40, 20, [shade++, 90, 120]), 'a.png', 'image/png']]);
    const answer = await who[role].request('POST', '/api/v2/media', { ...form, headers: { ...form.headers, 'x-csrf-token': who[role].token } });
    const { id: medium } = answer.json();
    await until(async () => (await who[role].request('GET', `/api/v1/media/${medium}`)).status === 200, 'the files of an upload', 60);
    return medium;
}

const addresses = (page) => [...page.html.matchAll(/\/m\/[0-9a-f]{64}\.\w+(?:\?[^" ]*)?/g)].map((m) => m[0].replaceAll('&amp;', '&'));

/** A file is for whoever may see what it is attached to, and an upload for its owner alone. */
async function media() {
    for (const audience of AUDIENCES) {
        const target = await write('owner', text(audience), audience, { media_1: await uploaded('owner') }), wrong = [];
        await until(async () => addresses(await who.owner.get(`/posts/${target}/media/1`)).length > 0, 'the addresses', 20);
        const [address] = addresses(await who.owner.get(`/posts/${target}/media/1`)), bare = address.split('?')[0];
        for (const role of ROLES) {
            const page = await who[role].get(`/posts/${target}/media/1`, { follow: false });
            const found = addresses(page).some((one) => one.startsWith(bare));
            if (page.status !== (sees(role, audience) ? 200 : 404) || found !== sees(role, audience))
                wrong.push(`${role}: ${page.status}, ${found}`);
            if ((await who[role].request('GET', bare)).status !== (isOpen(audience) ? 200 : 404))
                wrong.push(`${role} has the file by its name`);
        }
        check(`a picture of what is ${audience}`, wrong.length === 0, wrong.join('; '));
        equal('a signed address is good', (await who.nobody.request('GET', address)).status, 200);
        if (!isOpen(audience))
            equal('a changed one is not', (await who.nobody.request('GET', address.replace(/s=./, 's=A').replace(/e=\d/, 'e=9'))).status, 404);
        await who.owner.act(`/posts/${target}/delete`);
    }
    const loose = await uploaded('owner');
    const acts = [['GET', `/media/${loose}`, 200], ['POST', `/settings/media/${loose}/retry`, 409], ['POST', `/settings/media/${loose}/delete`, 303]];
    for (const [method, path, yes] of acts) {
        equal(`${method} ${path}: nobody`, await ask('nobody', method, path), 'login');
        for (const role of ['stranger', 'moderator', 'admin'])
            equal(`${method} ${path}: ${role}`, await ask(role, method, path), 404);
        equal(`${method} ${path}: its owner`, await ask('owner', method, path), yes);
    }
    equal('a form of files: nobody', await ask('nobody', 'POST', '/media'), 'login');
    equal('a picture of oneself: nobody', await ask('nobody', 'POST', '/settings/picture', { kind: 'avatar', act: 'remove' }), 'login');
    for (const [method, path, yes] of [['GET', '/admin/storage', 200], ['POST', '/admin/media/1/retry', 404]]) {
        equal(`${path}: nobody`, await ask('nobody', method, path), 'login');
        for (const role of ['stranger', 'owner', 'moderator'])
            equal(`${path}: ${role}`, await ask(role, method, path), 403);
        equal(`${path}: admin`, await ask('admin', method, path), yes);
    }
}

const mediaRoutes = ['GET /m/{key}', 'GET /posts/{id}/media/{number}', 'GET /media/{id}', 'POST /media', 'POST /settings/media/{id}/retry', 'POST /settings/media/{id}/delete',
    'POST /settings/picture', 'GET /admin/storage', 'POST /admin/media/{id}/retry'];

// ---- Administration --------------------------------------------------------------------------------------------------

const roleRoutes = [['GET', '/admin/roles'], ...['/admin/roles/new', '/admin/roles/{name}/edit', '/admin/roles/{name}/delete']
    .flatMap((path) => [['GET', path], ['POST', path]])];

const hookRoutes = [['GET', '/admin/webhooks'], ['POST', '/admin/webhooks'], ['GET', '/admin/webhooks/{id}'],
    ...['', '/ping', '/delete'].map((act) => ['POST', `/admin/webhooks/{id}${act}`])];

async function administration() {
    const plain = ['stranger', 'blocked', 'owner', 'follower'];
    for (const path of ['/admin/members', `/admin/members/${id.victim}/suspend`, '/admin/audit', '/invites']) {
        equal(`${path}: nobody`, await ask('nobody', 'GET', path), 'login');
        for (const role of plain)
            equal(`${path}: ${role}`, await ask(role, 'GET', path), 403);
        equal(`${path}: moderator`, await ask('moderator', 'GET', path), path === '/admin/audit' ? 403 : 200);
        equal(`${path}: admin`, await ask('admin', 'GET', path), 200);
    }
    for (const [method, path] of [...roleRoutes, ...hookRoutes]) {
        const at = path.replace('{name}', 'moderator').replace('{id}', '1');
        equal(`${method} ${path}: nobody`, await ask('nobody', method, at), 'login');
        for (const role of [...plain, 'moderator'])
            equal(`${method} ${path}: ${role}`, await ask(role, method, at, { name: 'x', rank: '1', to: 'member', url: 'https://example.org/', events: 'post.created' }), 403);
    }
    equal('webhooks: admin', await ask('admin', 'GET', '/admin/webhooks'), 200);
    equal('no such webhook', await ask('admin', 'GET', '/admin/webhooks/1'), 404);
    equal('roles: admin', await ask('admin', 'GET', '/admin/roles'), 200);
    equal('no such role', await ask('admin', 'GET', '/admin/roles/emperor/edit'), 404);
    const acts = ['approve', 'reject', 'suspend', 'restore', 'role'];
    for (const act of acts) {
        const path = `/admin/members/${id.victim}/${act}`, fields = { role: 'moderator', note: 'n' };
        equal(`${act}: nobody`, await ask('nobody', 'POST', path, fields), 'login');
        for (const role of plain) {
            equal(`${act}: ${role}`, await ask(role, 'POST', path, fields), 403);
            equal(`${act} oneself: ${role}`, await ask(role, 'POST', `/admin/members/${id[role]}/${act}`, { role: 'admin' }), 403);
        }
    }
    for (const [target, name] of [[id.second_mod, 'another moderator'], [id.admin, 'an admin']])
        for (const act of ['suspend', 'role'])
            equal(`a moderator does not ${act} ${name}`, await ask('moderator', 'POST', `/admin/members/${target}/${act}`, { role: 'member' }), 403);
    equal('nor give roles to members', await ask('moderator', 'POST', `/admin/members/${id.victim}/role`, { role: 'moderator' }), 403);
    equal('nor raise oneself', await ask('moderator', 'POST', `/admin/members/${id.moderator}/role`, { role: 'admin' }), 403);
    check('nor suspend oneself', [403, 409, 412].includes(await ask('moderator', 'POST', `/admin/members/${id.moderator}/suspend`)));
    equal('a moderator suspends a member', await ask('moderator', 'POST', `/admin/members/${id.victim}/suspend`, { note: 'n' }), 303);
    equal('who is out at once', await ask('victim', 'GET', '/settings'), 'login');
    equal('a moderator restores', await ask('moderator', 'POST', `/admin/members/${id.victim}/restore`), 303);
    equal('approve needs one who waits', await ask('moderator', 'POST', `/admin/members/${id.victim}/approve`), 409);
    equal('reject needs one who waits', await ask('moderator', 'POST', `/admin/members/${id.victim}/reject`), 409);
    equal('an admin gives a role', await ask('admin', 'POST', `/admin/members/${id.victim}/role`, { role: 'moderator' }), 303);
    who.victim = await logIn('victim');
    equal('it is good at once', await ask('victim', 'GET', '/admin/members'), 200);
    equal('and takes it', await ask('admin', 'POST', `/admin/members/${id.victim}/role`, { role: 'member' }), 303);
    equal('and gone at once', await ask('victim', 'GET', '/admin/members'), 403);
    check('the last admin does not step down', [403, 409, 412].includes(await ask('admin', 'POST', `/admin/members/${id.admin}/role`, { role: 'member' })));
    for (const act of acts)
        check(`${act}: no such member`, [404].includes(await ask('admin', 'POST', `/admin/members/1/${act}`, { role: 'member' })));

    equal('an invite: nobody', await ask('nobody', 'POST', '/invites', { max_uses: '1', days: '1' }), 'login');
    equal('an invite: a member', await ask('stranger', 'POST', '/invites', { max_uses: '1', days: '1' }), 403);
    await who.admin.submit((await who.admin.get('/invites')).form('/invites'), { max_uses: '1', days: '1' });
    const revoke = (await who.admin.get('/invites')).forms.flatMap((f) => [f.action, ...f.buttons.map((b) => b.action)]).find((a) => /\/revoke$/.test(a ?? ''));
    equal('others\' invites: nobody', await ask('nobody', 'POST', revoke), 'login');
    equal('others\' invites: a member', await ask('stranger', 'POST', revoke), 403);
    equal('others\' invites: a moderator', await ask('moderator', 'POST', revoke), 404);
    check('a moderator does not see them', !(await who.moderator.get('/invites')).html.includes(revoke));
    equal('one\'s own', await ask('admin', 'POST', revoke), 303);
}

// ---- Open to all -----------------------------------------------------------------------------------------------------

const openPages = { '/livez': 200, '/readyz': 200, '/metrics': 200, '/docs/api': 200, '/docs/api/objects': 200, '/confirm': 200, '/reset': 200, '/directory': 200, '/about': 200, '/': 200, '/local': 200,
    '/tags': 200, '/tags/secrets': 200, '/tags/secrets/feed.atom': 200, '/fragment/local': 200, '/fragment/tag/secrets': 200,
    '/confirm/wrong': 200, '/reset/wrong': 200, // opening a link asks nobody
    '/avatars/1.png': 200, '/banners/1.png': 200,
    '/.well-known/host-meta': 200, '/.well-known/change-password': 303, '/oauth/authorize': 400 }; // no app is named // made of the number alone
const strangersOnly = { '/login': 200, '/signup': 200, '/invite/wrong': 404, '/restore/wrong': 410 };
const openForms = ['/signup', '/login', '/confirm', '/reset', '/confirm/wrong', '/reset/wrong', '/restore/wrong', '/logout'];

async function openToAll() {
    for (const role of ['nobody', 'stranger', 'admin']) {
        for (const [path, status] of Object.entries(openPages))
            equal(`${path}: ${role}`, await ask(role, 'GET', path), status);
        for (const [path, status] of Object.entries(strangersOnly)) {
            const answer = await who[role].get(path, { follow: false });
            check(`${path}: ${role}`, role === 'nobody' ? [status, 200].includes(answer.status) : answer.status === 303 && answer.location === '/', answer.status);
        }
    }
    for (const path of openForms)
        equal(`POST ${path} without a token`, (await new Client().post(path, { login: 'owner', password: 'x', email: 'x@example.org' }, { follow: false })).status, 403);
}

// ---- Every route there is --------------------------------------------------------------------------------------------

const fill = (pattern) => pattern.replace('{handle}', 'owner').replace('{tag}', 'secrets').replace(/\{(code|token)\}/, 'wrong').replace('{file}', '1.png').replace('{member}', '1').replace('{name}', 'moderator')
    .replace('{id}', /^\/(posts|@)/.test(pattern) ? post.public : /^\/(members|requests|fragment)/.test(pattern) ? id.owner : '1');

const tokenless = new Set(['POST /unsubscribe/{token}']); // RFC 8058: mail programs send it
const streams = new Set(['GET /live']);

function covered() {
    const keys = new Set([...Object.keys(postRoutes), 'POST /posts', 'GET /compose', 'GET /fragment/user/{id}', 'POST /invites', 'POST /invites/{id}/revoke',
        'POST /settings/sessions/{id}/end', 'GET /admin/members/{id}/suspend', 'GET /invite/{code}', 'GET /docs/api/{group}', 'GET /fragment/tag/{tag}', 'GET /tags/{tag}', 'GET /tags/{tag}/feed.atom',
        'POST /tags/{tag}/follow', 'POST /tags/{tag}/unfollow', ...streams, ...mediaRoutes, ...keptRoutes]);
    for (const path of [...ownPages, ...Object.keys(openPages), ...Object.keys(strangersOnly), '/admin/members', '/admin/audit', '/invites'])
        keys.add(`GET ${path}`);
    for (const path of [...Object.keys(ownForms), ...openForms])
        keys.add(`POST ${path.replace('/wrong', '/{token}')}`);
    for (const of of ['apps', 'tokens'])
        keys.add(`POST /settings/${of}/{id}/end`);
    keys.add('POST /oauth/authorize').add('POST /settings/tokens');
    keys.add('GET /.well-known/security.txt');
    for (const tab of ['', '/replies', '/followers', '/following', '/feed.atom', '/avatar.svg', '/banner.svg'])
        keys.add(`GET /@{handle}${tab}`);
    for (const act of memberRoutes)
        keys.add(`POST /members/{id}/${act}`);
    for (const path of ['/confirm/{token}', '/reset/{token}', '/restore/{token}', '/members/{id}/block', '/members/{id}/mute', '/avatars/{file}', '/banners/{file}'])
        keys.add(`GET ${path}`);
    for (const act of ['approve', 'reject', 'suspend', 'restore', 'role'])
        keys.add(`POST /admin/members/{id}/${act}`);
    keys.add('GET /unsubscribe/{token}').add('POST /unsubscribe/{token}');
    for (const [method, path] of [...roleRoutes, ...hookRoutes])
        keys.add(`${method} ${path}`);
    for (const act of ['accept', 'reject'])
        keys.add(`POST /requests/{id}/${act}`);
    for (const act of ['accept', 'dismiss'])
        keys.add(`POST /notifications/requests/{id}/${act}`);
    keys.add('POST /notifications/groups/{key}/dismiss');
    return keys;
}

async function everyRoute() {
    // What programs ask is judged by token and scope: test_oauth.mjs and those of the API. /live is a stream and does not end.
    const routes = JSON.parse(await deeplink('routes', '--json')).filter(({ face }) => face !== 'json'), keys = covered();
    for (const { method, pattern, auth, csrf, permission } of routes) {
        const key = `${method} ${pattern}`, path = fill(pattern);
        check(`${key} has its expectations here`, keys.has(key));
        if (streams.has(key)) { // to a member it never ends: test_stream.mjs reads it
            equal(`${key}: nobody`, await ask('nobody', 'GET', path), 'login');
            continue;
        }
        if (method === 'GET') {
            const answer = await who.stranger.get(path, { follow: false }), head = await who.stranger.request('HEAD', path);
            check(`HEAD ${pattern} is as GET, without a body`, head.status === answer.status && head.body.length === 0, `${head.status} ${answer.status}`);
            for (const [name, wanted] of [['x-content-type-options', 'nosniff'], ['referrer-policy', 'same-origin']])
                equal(`${key} sends ${name}`, answer.header(name), wanted);
            check(`${key} has a policy`, /default-src 'none'/.test(answer.header('content-security-policy') ?? '') &&
                !/unsafe-/.test(answer.header('content-security-policy')));
            check(`${key} is not for shared caches`, !/public/.test(answer.header('cache-control') ?? '') || /\.(svg|png|atom)$/.test(path), answer.header('cache-control'));
            continue;
        }
        equal(`${key} wants a token`, csrf, !tokenless.has(key));
        for (const role of ['admin', 'stranger'].filter(() => auth === 'member')) {
            const wanted = (permission & ~1) !== 0 && role !== 'admin' ? 403 : 403;
            equal(`${key} without a token: ${role}`, (await who[role].post(path, {}, { follow: false })).status, wanted);
            equal(`${key} from another site: ${role}`, outcome(await who[role].act(path, {}, { follow: false, headers: { 'sec-fetch-site': 'cross-site' } })), 403);
            equal(`${key} with another's token: ${role}`, (await who[role].post(path, { csrf: who.owner.token }, { follow: false })).status, 403);
        }
        const wrongMethod = await who.admin.request('DELETE', path);
        equal(`DELETE ${pattern}`, wrongMethod.status, 405);
    }
    const after = await who.owner.get(`/@owner/${post.public}`);
    check('and all that was refused changed nothing', after.html.includes(word.public) && (await who.owner.get('/settings/profile')).html.includes('The owner'));
}

await enter();
for (const [name, fn] of Object.entries({ writeAll, posts, commenting, lists, profiles, membersActs, requests, own, keptLists, media, administration, openToAll, everyRoute }))
    await part(name, fn);
await finish();
