// The pages of posts, as a browser without script uses them: writing, answering, editing, deleting, reactions, timelines,
// feeds, who may see what where, and what must not be let through.
// harness: again on kafka
// harness: set rate_limits = no
import { existsSync } from 'node:fs';
import { Client, check, equal, finish, latestFirst, logIn, member, part, signUp, textOf, xmlProblem, until } from './lib.mjs';

const anonymous = new Client();
let ada, bob, cleo, mod;

/** Writes a post by the composer of the home page; gives its path (/@handle/id) and id. */
async function write(client, text, fields = {}) {
    const form = (await client.get('/compose')).form('/posts');
    const answer = await client.submit(form, { text, audience: 'public', return_to: undefined, ...fields }, { follow: false });
    if (answer.status !== 303)
        throw new Error(`not posted: ${answer.status} ${answer.text.slice(0, 300)}`);
    const path = answer.location.replace(/#.*/, '');
    return { path, id: path.split('/').pop(), text };
}

async function comment(client, post, text, fields = {}) {
    const form = (await client.get(`/compose?in_reply_to=${post.id}`)).form('/posts');
    const answer = await client.submit(form, { text, return_to: undefined, ...fields }, { follow: false });
    if (answer.status !== 303)
        throw new Error(`not answered: ${answer.status} ${answer.text.slice(0, 300)}`);
    const path = answer.location.replace(/#.*/, '');
    return { path, id: path.split('/').pop(), text };
}

/** Ids of the posts on a page, in order. */
const idsOn = (page) => page.tags('article').map((a) => /^p(\d+)$/.exec(a.id)?.[1]).filter((id) => id);

async function enter() {
    ada = await signUp('ada', { name: 'Ada Lovelace' });
    [bob, cleo, mod] = [await member('bob', { name: 'Bob <b>Bold</b>' }), await member('cleo'), await member('mod', { role: 'moderator' })];
    const home = await ada.get('/');
    equal('a member has a home page', home.status, 200);
    check('an empty home helps on', home.text.includes('Follow a few people'));
    check('the composer stands there', home.form('/posts').fields.some(([name]) => name === 'text'));
    equal('strangers get the front page', (await anonymous.get('/')).text.includes('Sign up'), true);
    for (const path of ['/bookmarks', '/likes', '/compose', '/fragment/home', '/posts/1/edit']) {
        const answer = await anonymous.get(path, { follow: false });
        equal(`${path} asks strangers to log in`, [answer.status, answer.location?.startsWith('/login?return_to=')], [303, true]);
    }
}

// ---- Writing ---------------------------------------------------------------------------------------------------------

async function writing() {
    const home = await ada.get('/');
    const page = await ada.submit(home.form('/posts'), { text: 'Hello **world** from #Berlin and @bob', audience: 'public' });
    equal('posting leads back home', [page.status, page.url], [200, '/']);
    check('it says so', page.text.includes('Your post is out.'));
    check('the post stands there', page.html.includes('<strong>world</strong>'));
    check('its tag is a link', /<a [^>]*href="\/tags\/berlin"/i.test(page.html));
    check('its mention is a link', page.links({ prefix: '/@bob' }).length > 0);
    check('the notice goes away', !(await ada.get('/')).text.includes('Your post is out.'));

    const post = await write(ada, 'A post of its own page');
    const thread = await anonymous.get(post.path);
    equal('it has a page', thread.status, 200);
    equal('with a title', thread.title, 'Ada Lovelace: A post of its own page · DeepLink');
    equal('and a description', thread.meta('og:description'), 'A post of its own page');
    equal('and a canonical address', thread.tags('link').find((l) => l.rel === 'canonical')?.href.endsWith(post.path), true);
    check('strangers are asked to log in to comment', thread.links({ text: 'Log in to comment, like or repost' }).length === 1);

    const other = await anonymous.get(post.path.replace('@ada', '@ADA'), { follow: false });
    equal('another spelling of the handle leads there', [other.status, other.location], [303, post.path]);
    equal('another member\'s name too', (await anonymous.get(post.path.replace('@ada', '@bob'), { follow: false })).location, post.path);
    equal('what is no id is not found', (await anonymous.get('/@ada/nonsense')).status, 404);
    equal('nor what is no post', (await anonymous.get('/@ada/1')).status, 404);
    equal('nor what is too large', (await anonymous.get('/@ada/99999999999999999999')).status, 404);
}

async function wrongForms() {
    const form = (await ada.get('/')).form('/posts');
    const empty = await ada.submit(form, { text: ' \n ', warning: 'spiders', audience: 'followers' });
    equal('an empty post is refused', empty.status, 422);
    const again = empty.form('/posts').fields;
    check('the message stands beside the field', /id="text-error"/.test(empty.html) && empty.html.includes('aria-invalid'));
    equal('what was typed comes back', again.find(([name]) => name === 'warning')[1], 'spiders');
    equal('so does who may see it', again.find(([name]) => name === 'audience')[1], 'followers');
    check('the way back is kept', again.some(([name, value]) => name === 'return_to' && value === '/'));

    const long = 'x'.repeat(5001);
    const tooLong = await ada.submit(form, { text: long });
    equal('a text that is too long is refused', tooLong.status, 422);
    equal('and not lost', tooLong.form('/posts').fields.find(([name]) => name === 'text')[1], long);
    const corrected = await ada.submit(tooLong.form('/posts'), { text: 'short enough now' });
    check('the corrected form works', corrected.status === 200 && corrected.text.includes('short enough now'));

    equal('a strange audience is refused', (await ada.submit(form, { text: 'x', audience: 'everybody' })).status, 422);
    const lost = await ada.submit(form, { text: 'an answer to nothing', in_reply_to: '1' });
    equal('an answer to nothing is refused, and not lost',
        [lost.status, lost.form('/posts').fields.find(([name]) => name === 'text')[1]], [404, 'an answer to nothing']);
    equal('a way back elsewhere is refused', (await ada.submit(form, { text: 'x', return_to: '//evil.example/' })).status, 422);
    equal('a direct post needs somebody', (await ada.submit(form, { text: 'to nobody', audience: 'direct' })).status, 422);
    const fetched = await ada.submit(form, { text: '' }, { headers: { 'x-requested-with': 'fetch' }, follow: false });
    equal('the script gets plain words', [fetched.status, fetched.header('content-type').startsWith('text/plain')], [422, true]);
    equal('without a token nothing is changed', (await ada.post('/posts', { text: 'no token' })).status, 403);
    equal('nor with a wrong one', (await ada.post('/posts', { text: 'no token', csrf: 'x'.repeat(24) })).status, 403);
    equal('nor from another site', (await ada.submit(form, { text: 'x' }, { headers: { 'sec-fetch-site': 'cross-site' } })).status, 403);
    equal('nor by GET', (await ada.get('/posts/1/like')).status, 405);
    check('nothing of it was posted', !(await ada.get('/@ada')).text.includes('no token'));
}

async function formatting() {
    const cases = [
        ['<script>alert(1)</script>', /<script>alert/],
        ['<img src=x onerror=alert(1)>', /<img[^>]*onerror/],
        ['[x](javascript:alert(1))', /href="javascript:/i],
        ['[x](data:text/html,hi)', /href="data:/i],
        ['![x](https://evil.example/x.png)', /<img[^>]*evil/],
        ['<a href="https://x.example" onclick="x()">y</a>', /<a [^>]*onclick/],
        ['`</textarea><script>x</script>`', /<script>x/],
    ];
    for (const [text, bad] of cases) {
        const post = await write(ada, text);
        const page = await anonymous.get(post.path);
        check(`harmless: ${text}`, page.status === 200 && !bad.test(page.html));
        const edit = await ada.get(`/posts/${post.id}/edit`);
        equal(`unchanged in the form: ${text}`, edit.form(`/posts/${post.id}/edit`).fields.find(([name]) => name === 'text')[1], text);
    }
    const odd = await write(ada, 'عربى ‮reversed‬ 日本語 👩‍👩‍👧 ' + 'w'.repeat(1000) + ' & < > " \' \u0008 end');
    equal('what is no text is refused', (await ada.submit((await ada.get('/compose')).form('/posts'), { text: 'a\u0000b' })).status, 400);
    const page = await anonymous.get(odd.path);
    check('odd letters are kept, overrides and controls are not', page.text.includes('日本語 👩‍👩‍👧') && !/[\u202e\u0000\u0008]/.test(page.html));
    const warned = await write(ada, 'the ending of the film', { warning: 'Spoiler <i>' });
    const thread = await anonymous.get(warned.path);
    check('behind a warning the text is folded', /<details class="?cw"?[^>]*><summary>[\s\S]*Spoiler &lt;i&gt;/.test(thread.html));
    check('and not in the head', !thread.html.slice(0, thread.html.indexOf('</head>')).includes('ending of the film'));
    const name = await write(bob, 'by a name with tags in it');
    check('names are escaped', !(await anonymous.get(name.path)).html.includes('<b>Bold</b>'));
}

// ---- Comments --------------------------------------------------------------------------------------------------------

async function comments() {
    const post = await write(ada, 'What do you think?');
    const page = await bob.get(post.path);
    const after = await bob.submit(page.form('/posts'), { text: 'I think so' }, { follow: false });
    check('a comment leads back to the thread, at itself', after.status === 303 && after.location.startsWith(`${post.path}#p`));
    const first = { id: after.location.split('#p')[1] };
    let last = first, chain = [first.id];
    for (let i = 0; i < 9; i++)
        chain.push((last = await comment(i % 2 ? bob : ada, last, `level ${i + 2}`)).id);
    const thread = await anonymous.get(post.path);
    equal('the whole chain stands below, in order', idsOn(thread), [post.id, ...chain]);
    check('the count says so', thread.text.includes('10 comments'));
    check('levels go no deeper than six', thread.html.includes('<li class="d6">') && !thread.html.includes('<li class="d7">'));
    const middle = await anonymous.get(`/@ada/${chain[3]}`);
    equal('a comment\'s page has what it answers above it', idsOn(middle).slice(0, 5), [post.id, ...chain.slice(0, 4)]);

    const second = await comment(cleo, post, 'Another branch');
    const both = await anonymous.get(post.path);
    equal('branches stand one behind the other', idsOn(both).at(-1), second.id);
    check('what answers the post says nothing more', !/Comment for Ada/.test(textOf(both.html.slice(both.html.indexOf(`id="p${second.id}"`)))));

    await bob.submit((await bob.get(`/posts/${first.id}/delete`)).form(`/posts/${first.id}/delete`));
    const holed = await anonymous.get(post.path);
    equal('a deleted comment keeps its place, its words do not stay', [holed.status, holed.text.includes('I think so')], [200, false]);
    equal('what is below it stays', idsOn(holed).includes(chain[1]), true);
    equal('its own page is gone', (await anonymous.get(`/@bob/${first.id}`)).status, 410);
}

async function manyComments() {
    const post = await write(ada, 'Many have something to say');
    const form = (await bob.get(`/compose?in_reply_to=${post.id}`)).form('/posts');
    for (let i = 0; i < 103; i++)
        await bob.submit(form, { text: `Comment ${i}`, return_to: undefined }, { follow: false });
    const first = await anonymous.get(post.path);
    equal('the first twenty', idsOn(first).length, 21);
    const ids = idsOn(first).slice(1);
    let page = first;
    for (let next; (next = page.links({ rel: 'next' })[0]);) {
        page = await anonymous.get(next.href.replace(/#.*/, ''));
        ids.push(...idsOn(page).slice(1));
    }
    equal('all of them, page by page', [ids.length, new Set(ids).size], [103, 103]);
    check('the way back stands there', page.links({ rel: 'up' })[0]?.href === `${post.path}#comments`);
    equal('what is no place among the comments is refused', (await anonymous.get(`${post.path}?after=x`)).status, 422);
    equal('nor is there what no comment of this thread says', (await anonymous.get(`${post.path}?below=${post.id}`)).status, 404);
}

// ---- Editing, deleting -----------------------------------------------------------------------------------------------

async function editing() {
    const post = await write(ada, 'First version #editing');
    equal('it is in its tag', idsOn(await anonymous.get('/tags/editing')), [post.id]);
    const form = (await ada.get(`/posts/${post.id}/edit`)).form(`/posts/${post.id}/edit`);
    const empty = await ada.submit(form, { text: '', warning: 'kept' });
    equal('an empty edit is refused, with what was typed',
        [empty.status, empty.form(`/posts/${post.id}/edit`).fields.find(([name]) => name === 'warning')[1]], [422, 'kept']);
    const after = await ada.submit(form, { text: 'Second version #changed' });
    check('an edit leads to the post', after.url === post.path && after.text.includes('Second version') && after.text.includes('Your changes are out.'));
    const seen = await anonymous.get(post.path);
    check('everybody sees it at once', seen.text.includes('Second version') && !seen.text.includes('First version'));
    check('and that it was edited', seen.links({ prefix: `/posts/${post.id}/history` }).length > 0);
    const history = await anonymous.get(`/posts/${post.id}/history`);
    check('its history has both, the newest first',
        history.text.indexOf('Second version') > 0 && history.text.indexOf('Second version') < history.text.indexOf('First version'));
    equal('it left its old tag', idsOn(await anonymous.get('/tags/editing')), []);
    equal('and is in the new one', idsOn(await anonymous.get('/tags/changed')), [post.id]);
    equal('others cannot edit it', [(await bob.get(`/posts/${post.id}/edit`)).status, (await bob.act(`/posts/${post.id}/edit`, { text: 'mine' })).status],
        [403, 403]);
}

async function deleting() {
    const post = await write(ada, 'Soon gone #going');
    check('before: it is everywhere', idsOn(await anonymous.get('/local')).includes(post.id) && idsOn(await anonymous.get('/tags/going')).includes(post.id));
    const ask = await ada.get(`/posts/${post.id}/delete`, { headers: { referer: `${ada.base.origin}/local` } });
    check('it asks first, and shows what', ask.status === 200 && ask.text.includes('Soon gone'));
    equal('others are not asked', (await bob.get(`/posts/${post.id}/delete`)).status, 403);
    equal('and cannot delete', (await bob.act(`/posts/${post.id}/delete`)).status, 403);
    const after = await ada.submit(ask.form(`/posts/${post.id}/delete`));
    check('it leads back to where one was, and says so', after.url === '/local' && after.text.includes('The post is deleted.'));
    for (const [who, client] of [['strangers', anonymous], ['the author', ada], ['others', bob]]) {
        equal(`gone for ${who}`, (await client.get(post.path)).status, 410);
        for (const path of ['/local', '/tags/going', '/@ada', '/fragment/local'])
            check(`gone for ${who} from ${path}`, !(await client.get(path)).text.includes('Soon gone'));
    }
    equal('its history is gone', (await ada.get(`/posts/${post.id}/history`)).status, 410);
    equal('it cannot be liked', (await bob.act(`/posts/${post.id}/like`)).status, 410);
    equal('nor deleted again', (await ada.act(`/posts/${post.id}/delete`)).status, 410);
    const bad = await write(bob, 'Against the rules');
    const moderated = await mod.submit((await mod.get(`/posts/${bad.id}/delete`)).form(`/posts/${bad.id}/delete`));
    equal('a moderator deletes what others wrote, and is not led to nowhere', [moderated.status, (await anonymous.get(bad.path)).status], [200, 410]);
    const fetched = await write(ada, 'Gone by script');
    const gone = await ada.act(`/posts/${fetched.id}/delete`, {}, { headers: { 'x-requested-with': 'fetch' }, follow: false });
    equal('the script gets nothing back', [gone.status, gone.html], [200, '']);
}

// ---- Reactions -------------------------------------------------------------------------------------------------------

async function reactions() {
    const post = await write(ada, 'Like me');
    const page = await bob.get(post.path);
    for (const [act, back, states] of [['like', 'unlike', 'Like'], ['bookmark', 'unbookmark', 'Bookmark'], ['repost', 'unrepost', 'Repost']]) {
        const after = await bob.press(page, `/posts/${post.id}/${act}`, { follow: false });
        equal(`${act} leads back, to the post`, [after.status, after.location], [303, `${post.path}#p${post.id}`]);
        const now = await bob.get(post.path);
        equal(`${act} shows`, now.button(`/posts/${post.id}/${back}`)?.attributes['aria-pressed'], 'true');
        equal(`${act} again is nothing new`, (await bob.press(page, `/posts/${post.id}/${act}`)).status, 200);
        const fragment = await bob.pressFetch(now, `/posts/${post.id}/${back}`);
        check(`${back} by script gives the buttons`, fragment.status === 200 && /^\s*<footer class="?acts"?>/.test(fragment.html) &&
            new RegExp(`formaction="/posts/${post.id}/${act}" aria-pressed=false`).test(fragment.html), fragment.html.slice(0, 300));
        const on = await bob.press(page, `/posts/${post.id}/${act}`);
        check(`${states} is pressed`, on.button(`/posts/${post.id}/${back}`) !== null);
    }
    const seen = await anonymous.get(post.path);
    check('strangers see the counts', seen.text.includes('1 like') && seen.text.includes('1 repost'));
    equal('who liked it', (await anonymous.get(`/posts/${post.id}/likes`)).links({ prefix: '/@bob' }).length > 0, true);
    equal('who reposted it', (await anonymous.get(`/posts/${post.id}/reposts`)).links({ prefix: '/@bob' }).length > 0, true);
    equal('bookmarks', idsOn(await bob.get('/bookmarks')), [post.id]);
    equal('likes', idsOn(await bob.get('/likes')), [post.id]);
    equal('of nobody else', idsOn(await cleo.get('/bookmarks')), []);
    check('the repost is on the profile', (await anonymous.get('/@bob')).html.includes(`/@ada/${post.id}`));
    const repost = idsOn(await bob.get('/')).find((id) => id !== post.id);
    const row = (await anonymous.get('/@bob')).html.match(/id="p(\d+)"[^>]*>\s*<a class="why i-repost"/);
    check('and says who reposted', row !== null && repost !== undefined);
    equal('a repost\'s address leads to the original', (await anonymous.get(`/@bob/${row[1]}`, { follow: false })).location, post.path);
    equal('its own likes are the original\'s', (await cleo.act(`/posts/${row[1]}/like`, {}, { follow: false })).status, 303);
    check('two likes', (await anonymous.get(post.path)).text.includes('2 likes'));
    await bob.press(await bob.get('/bookmarks'), `/posts/${post.id}/unbookmark`);
    equal('taken away', idsOn(await bob.get('/bookmarks')), []);
    for (const client of [anonymous])
        equal('strangers cannot like', (await client.post(`/posts/${post.id}/like`, {}, { follow: false })).status, 303);
    equal('what is no post cannot be liked', (await bob.act('/posts/1/like')).status, 404);
    equal('nor what is no id', (await bob.act('/posts/x/like')).status, 404);
}

async function pinning() {
    const old = await write(cleo, 'Pinned words');
    for (let i = 0; i < 3; i++)
        await write(cleo, `Later ${i}`);
    const page = await cleo.get(old.path);
    await cleo.press(page, `/posts/${old.id}/pin`);
    const profile = await anonymous.get('/@cleo');
    const articles = profile.tags('article').map((a) => a.id);
    equal('a pinned post stands first', articles[0], `pin${old.id}`);
    check('and only there', !articles.includes(`p${old.id}`));
    check('and says so', /i-pin/.test(profile.html));
    equal('others cannot pin it', (await bob.act(`/posts/${old.id}/pin`)).status, 403);
    await cleo.press(await cleo.get(old.path), `/posts/${old.id}/unpin`);
    check('unpinned, it is in its place', idsOn(await anonymous.get('/@cleo'))[0] !== old.id);
}

// ---- Timelines -------------------------------------------------------------------------------------------------------

/** Reads a timeline by its "Older posts" to the end; gives all ids. */
async function readAll(client, path, most = 30) {
    const ids = [], pages = [];
    for (let at = path; at && pages.length < most;) {
        const page = await client.get(at);
        if (page.status !== 200)
            throw new Error(`${at}: ${page.status}`);
        pages.push(page);
        ids.push(...idsOn(page));
        at = page.links({ rel: 'next' })[0]?.href;
    }
    return { ids, pages };
}

async function paging() {
    const writer = await member('writer');
    const posts = [];
    for (let i = 0; i < 47; i++)
        posts.push((await write(writer, `Number ${i} #counted`)).id);
    await bob.act(`/members/${await idOf('writer')}/follow`);
    for (const [client, path, fragment] of [[bob, '/', '/fragment/home'], [anonymous, '/tags/counted', '/fragment/tag/counted'],
        [anonymous, '/@writer', null], [bob, '/@writer', null]]) {
        const { ids, pages } = await readAll(client, path);
        const own = ids.filter((id) => posts.includes(id));
        equal(`${path} has each once, in order`, own, latestFirst(posts));
        equal(`${path} has 20 a page`, idsOn(pages[0]).length, 20);
        const second = pages[1], newer = second.links({ rel: 'prev' })[0]?.href;
        check(`${path} leads back`, newer !== undefined);
        equal(`${path} back is what was there`, idsOn(await client.get(newer)).at(-1), idsOn(pages[0]).at(-1));
        const next = pages[0].links({ rel: 'next' })[0];
        if (fragment)
            check(`${path} says where its fragment is`, next.attributes['data-fragment']?.startsWith(`${fragment}?max_id=`));
        const bare = await client.get(next.attributes['data-fragment']);
        equal(`${path}: the fragment is the next page, bare`, [idsOn(bare), bare.html.includes('<html')], [idsOn(second), false]);
        equal(`${path}: the fragment goes on`, bare.links({ rel: 'next' })[0]?.attributes['data-fragment'] !== undefined, pages.length > 2);
        const etag = bare.header('etag');
        equal(`${path}: asked again, it is not sent again`,
            (await client.get(next.attributes['data-fragment'], { headers: { 'if-none-match': etag } })).status, 304);
    }
    const newest = await bob.get(`/?min_id=${latestFirst(posts)[0]}`, { follow: false });
    check('above the newest it goes on at the newest, or shows what is there', newest.status === 303 || idsOn(newest).length > 0);
    const local = await readAll(anonymous, '/local');
    equal('local has them all', posts.every((id) => local.ids.includes(id)), true);
    equal('once', new Set(local.ids).size, local.ids.length);
    equal('a fragment of local', idsOn(await anonymous.get('/fragment/local')), local.ids.slice(0, 20));
    for (const bad of ['abc', '-1', '99999999999999999999', "1'--"])
        equal(`max_id=${bad} is refused`, (await anonymous.get(`/local?max_id=${encodeURIComponent(bad)}`)).status, 422);
    equal('the very end is a page, too', (await bob.get('/?max_id=1')).status, 200);
    check('and says so', (await bob.get('/?max_id=1')).text.includes('That was all'));
}

const ids = new Map();
/** A member's id, out of the forms on the profile. */
async function idOf(handle) {
    if (!ids.has(handle)) {
        const page = await cleo.get(`/@${handle}`);
        ids.set(handle, /\/members\/(\d+)\//.exec(page.html)?.[1] ?? /\/fragment\/user\/(\d+)/.exec(page.html)?.[1]);
    }
    return ids.get(handle);
}

async function tags() {
    const post = await write(ada, 'A tag of #Größe and #日本 and #snake_case2');
    for (const tag of ['größe', 'GRÖSSE', 'Größe', '日本', 'snake_case2', 'SNAKE_case2']) {
        const page = await anonymous.get(`/tags/${encodeURIComponent(tag)}`);
        equal(`#${tag}`, [page.status, idsOn(page)], [200, [post.id]]);
    }
    check('links to it are encoded', (await anonymous.get(post.path)).links({ prefix: '/tags/' }).every((l) => /^[\x21-\x7e]+$/.test(l.href)));
    equal('an unused tag is not found, with a page that helps', [(await anonymous.get('/tags/unused')).status,
        (await anonymous.get('/tags/unused')).text.includes('See the tags in use')], [404, true]);
    for (const bad of ['a b', 'a%00b', '<script>', '..%2f..', '%ff', '1', `${'x'.repeat(300)}`, "x'--", '%'])
        check(`/tags/${bad.slice(0, 20)} does no harm`, [400, 404].includes((await anonymous.get(`/tags/${bad.replace(/[ <>]/g, encodeURIComponent)}`)).status));
    check('tags in use', (await anonymous.get('/tags')).status === 200);
}

// ---- Who may see what ------------------------------------------------------------------------------------------------

async function audiences() {
    const author = await member('author'), follower = await member('follower'), mentioned = await member('mentioned'),
        stranger = await member('stranger'), blocked = await member('blocked');
    const id = await idOf('author');
    await follower.act(`/members/${id}/follow`);
    await blocked.act(`/members/${id}/follow`);
    await author.act(`/members/${await idOf('blocked')}/block`);
    const readers = { author, follower, mentioned, stranger, blocked, anonymous };
    const posts = {};
    for (const audience of ['public', 'unlisted', 'followers', 'direct'])
        posts[audience] = await write(author, `Words for ${audience} @mentioned #matrix`, { audience });
    // Who sees a post by its address; timelines narrow it further.
    const sees = { public: ['author', 'follower', 'mentioned', 'stranger', 'anonymous'], unlisted: ['author', 'follower', 'mentioned', 'stranger', 'anonymous'],
        followers: ['author', 'follower', 'mentioned'], direct: ['author', 'mentioned'] };
    const places = {
        profile: ['/@author', () => true],
        fragment: [`/fragment/user/${id}`, () => true],
        local: ['/local', (audience) => audience === 'public'],
        tag: ['/tags/matrix', (audience) => audience === 'public'],
        home: ['/', (audience, reader) => ['author', 'follower'].includes(reader) || (reader === 'anonymous' && audience === 'public')],
        feed: ['/@author/feed.atom', (audience) => ['public', 'unlisted'].includes(audience)],
        'tag feed': ['/tags/matrix/feed.atom', (audience) => audience === 'public'],
    };
    for (const [audience, post] of Object.entries(posts))
        for (const [reader, client] of Object.entries(readers)) {
            const may = sees[audience].includes(reader), thread = await client.get(post.path);
            equal(`${reader}, ${audience}: thread`, [thread.status, thread.text.includes(`Words for ${audience}`)], [may ? 200 : 404, may]);
            for (const act of ['history', 'likes'])
                equal(`${reader}, ${audience}: ${act}`, (await client.get(`/posts/${post.id}/${act}`)).status, may ? 200 : 404);
            if (client !== anonymous && !may) {
                equal(`${reader}, ${audience}: no like`, (await client.act(`/posts/${post.id}/like`)).status, 404);
                equal(`${reader}, ${audience}: no comment`, (await client.act('/posts', { text: 'x', in_reply_to: post.id })).status, 404);
            }
        }
    for (const [place, [path, fits]] of Object.entries(places))
        for (const [reader, client] of Object.entries(readers)) {
            const page = await client.get(path);
            for (const audience of Object.keys(posts)) {
                // Feeds are the same for everybody: what anybody may read.
                const may = place.includes('feed') ? fits(audience, reader) : sees[audience].includes(reader) && fits(audience, reader);
                equal(`${reader}, ${audience}: ${place}`, page.html.includes(`Words for ${audience}`), may);
            }
        }
    equal('what is not public is not for search engines', (await anonymous.get(posts.unlisted.path)).meta('robots'), 'noindex');
    equal('what is public is', (await anonymous.get(posts.public.path)).meta('robots'), undefined);
    for (const audience of ['followers', 'direct'])
        equal(`${audience}: no repost`, (await mentioned.act(`/posts/${posts[audience].id}/repost`)).status, 403);
    const answer = await mentioned.get(`/compose?in_reply_to=${posts.direct.id}`);
    equal('an answer to a direct post is direct and mentions those in it',
        ['audience', 'text'].map((field) => answer.form('/posts').fields.find(([name]) => name === field)[1].trim()), ['direct', '@author']);
    await follower.act(`/members/${id}/unfollow`);
    equal('who follows no more sees no more', (await follower.get(posts.followers.path)).status, 404);
    check('nor at home', !(await follower.get('/')).html.includes('Words for'));
}

async function muting() {
    const loud = await member('loud');
    const post = await write(loud, 'LOUD WORDS #loudness');
    await cleo.act(`/members/${await idOf('loud')}/follow`);
    check('followed, it is at home', (await cleo.get('/')).html.includes('LOUD WORDS'));
    await cleo.act(`/members/${await idOf('loud')}/mute`, { duration: '0' });
    for (const path of ['/', '/local', '/tags/loudness'])
        check(`muted, it is not on ${path}`, !(await cleo.get(path)).html.includes('LOUD WORDS'));
    equal('but by its address', (await cleo.get(post.path)).status, 200);
}

// ---- Feeds -----------------------------------------------------------------------------------------------------------

async function feeds() {
    const poster = await member('poster', { name: 'Poster & <Sons>' });
    await write(poster, 'Feed & <me> "now" #fed');
    await write(poster, 'Behind a warning', { warning: 'Careful & <slow>' });
    await write(poster, 'For followers alone #fed', { audience: 'followers' });
    await write(poster, `not allowed in XML: \ufffe \uffff end #fed`);
    for (const path of ['/@poster/feed.atom', '/tags/fed/feed.atom', '/tags/never/feed.atom']) {
        const feed = await anonymous.get(path);
        equal(`${path} is Atom`, [feed.status, feed.header('content-type')], [200, 'application/atom+xml; charset=utf-8']);
        equal(`${path} is well-formed`, xmlProblem(feed.html), null);
        for (const element of ['id', 'title', 'updated'])
            check(`${path} has ${element}`, new RegExp(`<feed[^>]*>[\\s\\S]*?<${element}>[^<]+</${element}>`).test(feed.html));
        equal(`${path} names itself`, /<link rel="self"[^>]*href="([^"]*)"/.exec(feed.html)?.[1], `${anonymous.base.origin}${path}`);
        equal(`${path} not sent twice`, (await anonymous.get(path, { headers: { 'if-none-match': feed.header('etag') } })).status, 304);
        equal(`${path} is the same for members`, (await poster.get(path)).html, feed.html);
    }
    const feed = (await anonymous.get('/@poster/feed.atom')).html;
    equal('three entries', feed.match(/<entry>/g).length, 3);
    check('nothing for followers', !feed.includes('For followers alone'));
    check('nothing from behind the warning', !feed.includes('Behind a warning') && feed.includes('Careful &amp; &lt;slow&gt;'));
    check('HTML is escaped once more', feed.includes('Feed &amp;amp; &amp;lt;me&amp;gt;'));
    equal('nobody\'s feed', (await anonymous.get('/@nobody/feed.atom')).status, 404);
    check('the profile names its feed', (await anonymous.get('/@poster')).tags('link').some((l) => l.type === 'application/atom+xml' && l.href === '/@poster/feed.atom'));
}

// ---- Kept pages ------------------------------------------------------------------------------------------------------

// Strangers' pages are files of nginx; each must be right at once after any change.
async function keptPages() {
    const post = await write(ada, 'Kept for strangers #kept');
    const paths = ['/', '/local', '/tags/kept', post.path];
    const look = async () => Promise.all(paths.map((path) => anonymous.get(path)));
    for (let i = 0; i < 3; i++)
        for (const page of await look())
            check(`${page.url}, time ${i + 1}`, page.status === 200 && page.html.includes('Kept for strangers'),
                `${page.status} ${page.header('x-request-id')} ${page.text.slice(0, 300)}`);
    for (const path of paths) // once nothing of what was changed before is told of any more
        await until(async () => (await anonymous.get(path)).status === 200 &&
            existsSync(`${process.env.TEST_SITE}/pages${path === '/' ? '' : path}/index.html`), `${path}, kept,`);
    check('it sets no cookie', (await anonymous.get(post.path)).headers['set-cookie'] === undefined);
    await bob.act(`/posts/${post.id}/like`);
    check('a like shows at once', (await anonymous.get(post.path)).text.includes('1 like'));
    await comment(bob, post, 'A comment on what is kept');
    check('a comment shows at once', (await anonymous.get(post.path)).text.includes('A comment on what is kept'));
    await ada.act(`/posts/${post.id}/edit`, { text: 'Kept no more #kept' });
    for (const page of await look())
        check(`an edit shows at once on ${page.url}`, page.html.includes('Kept no more') && !page.html.includes('Kept for strangers'));
    const second = await write(cleo, 'A second one #kept');
    for (const path of paths.slice(0, 3))
        check(`a new post shows at once on ${path}`, (await anonymous.get(path)).html.includes('A second one'));
    await ada.submit((await ada.get('/settings/profile')).form('/settings/profile'), { name: 'Ada Byron' });
    for (const page of await look())
        check(`a new name shows at once on ${page.url}`, page.html.includes('Ada Byron') && !page.html.includes('Ada Lovelace'));
    await ada.act(`/posts/${post.id}/delete`);
    await cleo.act(`/posts/${second.id}/delete`);
    for (const path of paths.slice(0, 3))
        check(`gone at once from ${path}`, !(await anonymous.get(path)).html.includes('Kept no more'));
    equal('and its page', (await anonymous.get(post.path)).status, 410);
}

// ---- The side column, other languages, suspended members -------------------------------------------------------------

async function around() {
    const fresh = await member('fresh');
    const home = await fresh.get('/');
    check('people are suggested', /aria-labelledby="?suggested"?/.test(home.html));
    check('one\'s own numbers', /<ul class="?counts"?>/.test(home.html));
    const suggested = /aria-labelledby="?suggested"?[\s\S]*?formaction="(\/members\/\d+\/follow)"/.exec(home.html)?.[1];
    if (check('one can be followed there', suggested)) {
        await fresh.press(home, suggested);
        for (let i = 0; i < 4; i++) {
            const now = await fresh.get('/');
            check('who is followed is suggested no more', !now.html.includes(suggested));
            check('and counted', /<b>1<\/b>\s*following/.test(now.html));
        }
    }
    await write(fresh, 'One');
    check('one\'s own count is right at once', /<b>1<\/b>\s*post\b/.test((await fresh.get('/')).html));
    const form = (await fresh.get('/settings/privacy')).form('/settings/privacy');
    await fresh.submit(form, { default_audience: 'unlisted' });
    equal('the composer begins with what was chosen in the settings',
        (await fresh.get('/')).form('/posts').fields.find(([name]) => name === 'audience')[1], 'unlisted');

    const german = await logIn('fresh', undefined, { headers: { 'accept-language': 'de' } });
    equal('in German', (await german.get('/local')).tags('html')[0].lang, 'de');
    equal('and English next to it', (await fresh.get('/local')).tags('html')[0].lang, 'en');
}

await enter();
for (const [name, fn] of Object.entries({ writing, wrongForms, formatting, comments, manyComments, editing, deleting, reactions, pinning, paging, tags,
    audiences, muting, feeds, keptPages, around }))
    await part(name, fn);
await part('following a tag', async () => {
    const gil = await member('gil'), hal = await member('hal');
    await hal.act('/posts', { text: 'so much #rain', audience: 'public' });
    let page = await gil.get('/tags/rain');
    check('a button, for members', page.button('/tags/rain/follow') && !(await anonymous.get('/tags/rain')).button('/tags/rain/follow'));
    page = await gil.press(page, '/tags/rain/follow');
    check('followed, and back on the page', page.url.endsWith('/tags/rain') && page.text.includes('come into your home now') && page.button('/tags/rain/unfollow'), page.url);
    check('its posts are in home', (await gil.get('/')).text.includes('so much #rain'));
    page = await gil.get('/tags');
    check('it stands among one\'s own', page.text.includes('Tags you follow') && page.button('/tags/rain/unfollow'));
    page = await gil.press(page, '/tags/rain/unfollow');
    check('not any more', page.url.endsWith('/tags') && !page.text.includes('Tags you follow') && !(await gil.get('/')).text.includes('so much #rain'), page.url);
});

await finish();
