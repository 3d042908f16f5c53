// Statuses, timelines and tags for programs: shapes, acts, and every list walked to its end.
// harness: set rate_limits = no
// harness: again on kafka
import { BASE, Client, check, deeplink, equal, finish, latestFirst, member, token, until } from './lib.mjs';

// ---- A program that acts for a member ----------------------------------------------------------------------------

class Program {
    /** session: the member by the pages, for what they do there; bearer: their token, else nobody's. */
    constructor(session, bearer) {
        this.session = session;
        this.client = new Client({ headers: bearer ? { authorization: `Bearer ${bearer}` } : {} });
    }

    async call(method, path, body, headers = {}) {
        if (body instanceof URLSearchParams) {
            headers = { 'content-type': 'application/x-www-form-urlencoded', ...headers };
            body = body.toString();
        } else if (body !== undefined && typeof body !== 'string') {
            headers = { 'content-type': 'application/json', ...headers };
            body = JSON.stringify(body);
        }
        return this.client.request(method, path.startsWith('http') ? path : `/api/v1${path}`, { headers, body });
    }
    async good(method, path, body, headers) {
        const answer = await this.call(method, path, body, headers);
        if (answer.status !== 200)
            throw new Error(`${method} ${path}: ${answer.status} ${answer.html.slice(0, 400)}`);
        return answer.json();
    }
    get(path) { return this.good('GET', path); }
    post(path, body, headers) { return this.good('POST', path, body, headers); }
    say(status, more = {}, headers) { return this.post('/statuses', { status, visibility: 'public', ...more }, headers); }
}

async function program(handle, options) {
    const session = await member(handle, options);
    return new Program(session, await token(handle));
}

function linkOf(answer, rel) {
    for (const part of (answer.header('link') ?? '').split(/,\s*(?=<)/)) {
        const match = /^<([^>]+)>; rel="([^"]+)"$/.exec(part);
        if (match?.[2] === rel)
            return match[1].replace(BASE, '');
    }
    return null;
}

// Every page from `path` on by `rel`; gives the pages' elements in the order they came. between(n): after the nth page.
async function walk(who, path, rel = 'next', between = async () => {}) {
    const pages = [];
    for (let at = `/api/v1${path}`, n = 0; at !== null; n++) {
        if (n > 200)
            throw new Error(`${path} has no end`);
        const answer = await who.client.request('GET', at, {});
        if (answer.status !== 200)
            throw new Error(`${at}: ${answer.status} ${answer.html.slice(0, 300)}`);
        pages.push(answer.json());
        at = linkOf(answer, rel);
        await between(n);
    }
    return pages;
}

const ids = (list) => list.map((s) => s.id);
const newestFirst = (list) => list.every((id, i) => i === 0 || BigInt(list[i - 1]) > BigInt(id));

// A member of its own, so that nobody else's home changes.
async function followedTags() {
    const finn = await program('finn'), home = async () => ids(await finn.get('/timelines/home'));
    const names = ['odd', 'Äpfel', 'tea'];
    equal('none at first', [await finn.get('/followed_tags'), await home()], [[], []]);
    for (const name of names) {
        const tag = await finn.post(`/tags/${encodeURIComponent(name)}/follow`);
        equal(`follows #${name}`, [tag.name, tag.following, tag.history.length], [name.toLowerCase(), true, 7]);
    }
    equal('again is the same', (await finn.post('/tags/ODD/follow')).following, true);
    equal('the latest first', (await finn.get('/followed_tags')).map((t) => [t.name, t.following]), [['tea', true], ['äpfel', true], ['odd', true]]);
    equal('by pages', (await walk(finn, '/followed_tags?limit=2')).map((page) => page.map((t) => t.name)), [['tea', 'äpfel'], ['odd']]);
    const first = (await finn.call('GET', '/followed_tags?limit=2'));
    const second = await finn.client.request('GET', linkOf(first, 'next'), {});
    equal('and back', (await finn.client.request('GET', linkOf(second, 'prev'), {})).json().map((t) => t.name), ['tea', 'äpfel']);
    equal('each tag says so', [(await finn.get('/tags/odd')).following, (await finn.get('/tags/even')).following, (await finn.call('GET', '/tags/odd')).status], [true, false, 200]);
    equal('found, too', (await finn.client.request('GET', '/api/v2/search?q=odd&type=hashtags', {})).json().hashtags.find((t) => t.name === 'odd').following, true);
    check('its posts are in home', (await home()).length === 20);
    equal('no tag', (await finn.call('POST', '/tags/a-b/follow')).status, 404);
    equal('not for strangers', [(await nobody.call('POST', '/tags/odd/follow')).status, (await nobody.call('GET', '/followed_tags')).status], [401, 401]);
    for (const name of names)
        equal(`not #${name} any more`, (await finn.post(`/tags/${encodeURIComponent(name)}/unfollow`)).following, false);
    equal('nothing is left', [await finn.get('/followed_tags'), await home()], [[], []]);
    equal('twice is the same', (await finn.post('/tags/odd/unfollow')).following, false);
}

async function many(n, make) {
    const made = [];
    for (let at = 0; at < n; at += 20)
        made.push(...await Promise.all(Array.from({ length: Math.min(20, n - at) }, (_, i) => make(at + i))));
    return made;
}

const ada = await program('ada', { name: 'Ada Lovelace' }), ben = await program('ben'), cleo = await program('cleo');
const nobody = new Program();
const accountOf = async (who) => (await who.good('DELETE', `/statuses/${(await who.say('hello')).id}`)).account;
const [adaAccount, benAccount] = [await accountOf(ada), await accountOf(ben)];
const act = (who, id, what) => who.session.act(`/members/${id}/${what}`);
await act(ben, adaAccount.id, 'follow');

// ---- The entity --------------------------------------------------------------------------------------------------

{
    const s = await ada.say('Dear @Ben, a *word* on #Gärten and #books: https://example.org/x?a=1&b=2', {
        spoiler_text: 'about gardens', sensitive: true, visibility: 'unlisted', language: 'en' });
    const wanted = ['id', 'uri', 'url', 'created_at', 'edited_at', 'account', 'content', 'visibility', 'sensitive', 'spoiler_text',
        'media_attachments', 'mentions', 'tags', 'emojis', 'card', 'poll', 'application', 'language', 'reblogs_count',
        'favourites_count', 'replies_count', 'in_reply_to_id', 'in_reply_to_account_id', 'reblog', 'favourited', 'reblogged',
        'bookmarked', 'muted', 'pinned', 'filtered'];
    equal('a status has all that clients read', wanted.filter((name) => s[name] === undefined), []);
    equal('… and nothing else', Object.keys(s).filter((name) => !wanted.includes(name)), []);
    check('ids are strings', /^\d+$/.test(s.id) && /^\d+$/.test(s.account.id));
    check('times have milliseconds', /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/.test(s.created_at));
    equal('the address', s.url, `${BASE}/@ada/${s.id}`);
    equal('visibility', s.visibility, 'unlisted');
    equal('warning', [s.spoiler_text, s.sensitive, s.language], ['about gardens', true, 'en']);
    check('a mention is marked', s.content.includes(`<span class="h-card" translate="no"><a class="u-url mention" href="${BASE}/@ben">@<span>ben</span></a></span>`));
    check('a tag is marked', s.content.includes(`<a class="mention hashtag" rel="tag" href="${BASE}/tags/g%C3%A4rten">#<span>Gärten</span></a>`));
    check('no local address is left', !/href="\//.test(s.content));
    check('a link is kept', s.content.includes('href="https://example.org/x?a=1&amp;b=2"'));
    equal('mentions', s.mentions, [{ id: benAccount.id, username: 'ben', url: `${BASE}/@ben`, acct: 'ben' }]);
    equal('tags', s.tags, [{ name: 'gärten', url: `${BASE}/tags/g%C3%A4rten` }, { name: 'books', url: `${BASE}/tags/books` }]);
    equal('empty lists are lists', [s.media_attachments, s.emojis, s.filtered], [[], [], []]);
    equal('what there is not is null', [s.card, s.poll, s.reblog, s.in_reply_to_id, s.in_reply_to_account_id, s.edited_at],
        [null, null, null, null, null, null]);
    equal('pinned says whether', s.pinned, false);
    check('… only to the author', (await ben.get(`/statuses/${s.id}`)).pinned === undefined);
    const answer = await ada.call('GET', `/statuses/${s.id}`);
    equal('the type is exact', answer.header('content-type'), 'application/json');
    // Followers are counted once a minute by each worker; ben follows since a moment ago.
    const uncounted = (status) => ({ ...status, account: { ...status.account, followers_count: 'some' } });
    equal('the same is read', uncounted(answer.json()), uncounted(s));
    check('html in text stays text', (await ada.say('<a class="mention" href="/@x">@x</a> <script>')).content.includes('&lt;script&gt;'));
    const again = await ada.call('GET', `/statuses/${s.id}`, undefined, { 'if-none-match': answer.header('etag') });
    equal('what is known already is not sent again', [again.status, again.html], [304, '']);
    await ben.post(`/statuses/${s.id}/favourite`);
    equal('… until a count changes', (await ada.call('GET', `/statuses/${s.id}`, undefined, { 'if-none-match': answer.header('etag') })).status, 200);
    equal('a stranger sees it', (await nobody.get(`/statuses/${s.id}`)).favourited, false);
    const direct = await ada.say('@ben alone', { visibility: 'direct' }), own = await ada.say('for followers', { visibility: 'private' });
    equal('who may not see it gets 404', await Promise.all([nobody, cleo].map(async (who) => (await who.call('GET', `/statuses/${direct.id}`)).status)), [404, 404]);
    equal('followers see what is private', [(await ben.call('GET', `/statuses/${own.id}`)).status, (await cleo.call('GET', `/statuses/${own.id}`)).status], [200, 404]);
    equal('several at once, in the order asked', ids(await ben.get(`/statuses?id[]=${own.id}&id[]=${s.id}&id[]=${direct.id}&id[]=1`)), [own.id, s.id, direct.id]);
    equal('none at once', await ben.get('/statuses'), []);
}

// ---- Writing -----------------------------------------------------------------------------------------------------

{
    const form = await ada.post('/statuses', new URLSearchParams({ status: 'by a form', visibility: 'public', sensitive: '1' }));
    equal('a form does it', [form.content, form.sensitive], ['<p>by a form</p>', true]);
    const multipart = ['--b', 'Content-Disposition: form-data; name="status"', '', 'in parts', '--b',
        'Content-Disposition: form-data; name="visibility"', '', 'unlisted', '--b--', ''].join('\r\n');
    const parts = await ada.post('/statuses', multipart, { 'content-type': 'multipart/form-data; boundary=b' });
    equal('multipart does it', [parts.content, parts.visibility], ['<p>in parts</p>', 'unlisted']);
    const usual = await ada.post('/statuses', { status: 'as usual', media_ids: [], poll: null, scheduled_at: null });
    equal('without a visibility it is what the member has chosen', usual.visibility, 'public');

    const key = { 'idempotency-key': `key ${'long '.repeat(45)}` };
    const first = await ada.say('only once', {}, key), second = await ada.say('only once', {}, key);
    equal('the same key makes one status', first.id, second.id);
    check('another member may use it too', (await ben.say('only once', {}, key)).id !== first.id);

    const refused = async (body) => {
        const answer = await ada.call('POST', '/statuses', body);
        return [answer.status, answer.header('content-type'), typeof answer.json().error];
    };
    const said422 = [422, 'application/json', 'string'];
    equal('media is refused', await refused({ status: 'x', media_ids: ['1'] }), said422);
    equal('a poll is refused', await refused({ status: 'x', poll: { options: ['a', 'b'], expires_in: 300 } }), said422);
    equal('a schedule is refused', await refused({ status: 'x', scheduled_at: '2040-01-01T00:00:00.000Z' }), said422);
    equal('nothing is refused', await refused({ status: '  ' }), said422);
    equal('a wrong visibility is refused', await refused({ status: 'x', visibility: 'secret' }), said422);
    equal('too much is refused', await refused({ status: 'x'.repeat(100001) }), said422);
    check('the field is named as clients know it', JSON.stringify((await ada.call('POST', '/statuses', { status: '' })).json()).includes('"status"'));
    equal('strangers write nothing', (await nobody.call('POST', '/statuses', { status: 'x' })).status, 401);

    const reply = await ben.say('an answer', { in_reply_to_id: first.id });
    equal('an answer says to what and whom', [reply.in_reply_to_id, reply.in_reply_to_account_id], [first.id, adaAccount.id]);
    equal('it counts', (await ada.get(`/statuses/${first.id}`)).replies_count, 1);
    equal('an answer to nothing', (await ben.call('POST', '/statuses', { status: 'x', in_reply_to_id: '17' })).status, 404);

    const source = await ada.get(`/statuses/${first.id}/source`);
    equal('the source', source, { id: first.id, text: 'only once', spoiler_text: '' });
    equal('… is its author\'s', (await ben.call('GET', `/statuses/${first.id}/source`)).status, 403);
    const edited = await ada.good('PUT', `/statuses/${first.id}`, { status: 'only *twice*', spoiler_text: 'now' });
    equal('an edit', [edited.id, edited.content, edited.spoiler_text], [first.id, '<p>only <em>twice</em></p>', 'now']);
    check('… has a time', /Z$/.test(edited.edited_at));
    const warned = await ada.good('PUT', `/statuses/${first.id}`, { sensitive: true });
    equal('what is not said stays', [warned.content, warned.spoiler_text, warned.sensitive], ['<p>only <em>twice</em></p>', 'now', true]);
    equal('others see the edit', (await ben.get(`/statuses/${first.id}`)).content, '<p>only <em>twice</em></p>');
    equal('nobody edits another\'s', (await ben.call('PUT', `/statuses/${first.id}`, { status: 'x' })).status, 403);
    const history = await ben.get(`/statuses/${first.id}/history`);
    equal('the history, oldest first', history.map((h) => [h.content, h.spoiler_text, h.sensitive]),
        [['<p>only once</p>', '', false], ['<p>only <em>twice</em></p>', 'now', false], ['<p>only <em>twice</em></p>', 'now', true]]);
    equal('… each whole', history.map((h) => [h.account.id, h.media_attachments, h.emojis]), history.map(() => [adaAccount.id, [], []]));

    const gone = await ada.good('DELETE', `/statuses/${first.id}`);
    equal('a deletion gives what was typed', [gone.id, gone.text], [first.id, 'only *twice*']);
    equal('… and it is gone', (await ada.call('GET', `/statuses/${first.id}`)).status, 404);
    equal('… for all', (await ben.call('DELETE', `/statuses/${reply.id}x`)).status, 404);
    equal('nobody deletes another\'s', (await ada.call('DELETE', `/statuses/${reply.id}`)).status, 403);
    equal('no card is an empty one', await ben.get(`/statuses/${reply.id}/card`), {});
    equal('nothing is translated', (await ben.call('POST', `/statuses/${reply.id}/translate`)).status, 404);
}

// ---- Acts --------------------------------------------------------------------------------------------------------

{
    const s = await ada.say('act on this');
    const does = (what, body) => ben.post(`/statuses/${s.id}/${what}`, body);
    const liked = await does('favourite');
    equal('liked', [liked.favourited, liked.favourites_count], [true, 1]);
    equal('liked twice is liked once', (await does('favourite')).favourites_count, 1);
    equal('kept', (await does('bookmark')).bookmarked, true);
    const wrapper = await does('reblog');
    check('a repost has an id of its own', wrapper.id !== s.id);
    equal('… and the original inside', [wrapper.reblog.id, wrapper.account.id, wrapper.reblog.account.id, wrapper.reblog.reblog], [s.id, benAccount.id, adaAccount.id, null]);
    equal('… with the reader\'s own acts', [wrapper.reblog.reblogged, wrapper.reblog.favourited, wrapper.reblog.bookmarked, wrapper.reblog.reblogs_count], [true, true, true, 1]);
    equal('again is the same', (await does('reblog')).id, wrapper.id);
    equal('the wrapper is read', (await ada.get(`/statuses/${wrapper.id}`)).reblog.id, s.id);
    const through = await cleo.post(`/statuses/${wrapper.id}/favourite`);
    equal('acts on the wrapper are acts on the original', [through.id, through.favourites_count], [s.id, 2]);
    const seen = await ben.get(`/statuses/${s.id}`);
    equal('the state is there when it is read', [seen.favourited, seen.reblogged, seen.bookmarked], [true, true, true]);
    equal('unliked', [(await does('unfavourite')).favourited, (await ben.get(`/statuses/${s.id}`)).favourites_count], [false, 1]);
    equal('not kept', (await does('unbookmark')).bookmarked, false);
    equal('not reposted', [(await does('unreblog')).reblogged, (await ben.get(`/statuses/${s.id}`)).reblogs_count], [false, 0]);
    equal('the wrapper is gone', (await ben.call('GET', `/statuses/${wrapper.id}`)).status, 404);
    const third = await does('reblog', { visibility: 'private' });
    equal('a repost for followers', third.visibility, 'private');
    equal('deleting the wrapper undoes it', [(await ben.good('DELETE', `/statuses/${third.id}`)).id, (await ben.get(`/statuses/${s.id}`)).reblogged], [third.id, false]);
    const hidden = await ada.say('not to be spread', { visibility: 'private' });
    equal('what is private is not reposted', (await ben.call('POST', `/statuses/${hidden.id}/reblog`)).status, 403);

    equal('pinned', (await ada.post(`/statuses/${s.id}/pin`)).pinned, true);
    equal('another\'s is not', (await ben.call('POST', `/statuses/${s.id}/pin`)).status, 403);
    equal('what is private is not', (await ada.call('POST', `/statuses/${hidden.id}/pin`)).status, 422);
    const plain = await ada.say('not pinned');
    equal('pins alone', ids(await ben.get(`/accounts/${adaAccount.id}/statuses?pinned=true`)), [s.id]);
    equal('none of another', await ada.get(`/accounts/${benAccount.id}/statuses?pinned=true`), []);
    const all = ids(await ben.get(`/accounts/${adaAccount.id}/statuses`));
    check('a pinned one stands in its place too', all.indexOf(plain.id) === 0 && all.includes(s.id) && newestFirst(all));
    equal('unpinned', (await ada.post(`/statuses/${s.id}/unpin`)).pinned, false);

    equal('muted', (await ben.post(`/statuses/${s.id}/mute`)).muted, true);
    const below = await ada.say('further down', { in_reply_to_id: s.id });
    equal('… with all that is below', [(await ben.get(`/statuses/${below.id}`)).muted, (await ada.get(`/statuses/${below.id}`)).muted], [true, false]);
    equal('… in the home timeline', (await ben.get('/timelines/home')).find((one) => one.id === below.id)?.muted, true);
    equal('unmuted', [(await ben.post(`/statuses/${below.id}/unmute`)).muted, (await ben.get(`/statuses/${s.id}`)).muted], [false, false]);
    equal('strangers do nothing', (await nobody.call('POST', `/statuses/${s.id}/favourite`)).status, 401);
    equal('nothing is done to nothing', (await ben.call('POST', '/statuses/12/favourite')).status, 404);
}

// ---- What is in fashion ------------------------------------------------------------------------------------------

{
    const gail = await program('gail'), hugo = await program('hugo');
    const most = await gail.say('most liked #fashion'), some = await gail.say('a little liked #fashion'), none = await gail.say('not at all #Fashion');
    const hidden = await gail.say('sensitive', { sensitive: true }), closed = await gail.say('for followers', { visibility: 'private' });
    for (const who of [ada, ben, cleo])
        await who.post(`/statuses/${most.id}/favourite`);
    await ben.post(`/statuses/${some.id}/favourite`);
    await gail.post(`/statuses/${closed.id}/favourite`);
    await ben.post(`/statuses/${hidden.id}/favourite`);
    // Each worker looks once a minute; this test is the first to ask.
    const found = ids(await nobody.get('/trends/statuses?limit=40'));
    equal('what was liked most comes first, what was not liked not at all',
        found.filter((id) => [most, some, none, hidden, closed].some((s) => s.id === id)), [most.id, some.id]);
    const two = ids(await nobody.get('/trends/statuses?limit=1&offset=1'));
    equal('page by page', two, [found[1]]);
    equal('each as its reader may see it', (await ada.get('/trends/statuses?limit=40')).find((s) => s.id === most.id).favourited, true);
    await act(hugo, (await accountOf(gail)).id, 'block');
    equal('… if at all', ids(await hugo.get('/trends/statuses?limit=40')).filter((id) => [most.id, some.id].includes(id)), []);
    const tags = await nobody.get('/trends/tags');
    const fashion = tags.find((t) => t.name.toLowerCase() === 'fashion');
    equal('tags, with their week', [fashion.history.length, fashion.history[0].uses, fashion.history[0].accounts], [7, '3', '1']);
    equal('as of one', fashion.history, (await nobody.get('/tags/fashion')).history);
    equal('older clients', await nobody.get('/trends'), tags);
    const weeks = await nobody.get('/instance/activity');
    equal('twelve weeks, each from a Monday', [weeks.length, ...new Set(weeks.map((w) => new Date(w.week * 1000).getUTCDay()))], [12, 1]);
    check('this one first', Date.now() / 1000 - weeks[0].week >= 0 && Date.now() / 1000 - weeks[0].week < 7 * 86400);
    // All were made and have logged in since this site began; workers count them once in a quarter of an hour.
    const members = 5, written = Number(weeks[0].statuses);
    equal('who signed up, and who was here', [weeks[0].registrations, weeks[0].logins], [`${members}`, `${members}`]);
    check('what was written', written >= 10 && written < 100, written);
    equal('nothing before', weeks[1], { week: `${weeks[0].week - 7 * 86400}`, statuses: '0', logins: '0', registrations: '0' });
}

// ---- Threads -----------------------------------------------------------------------------------------------------

{
    const chain = [await ada.say('the beginning')];
    for (let i = 0; i < 4; i++)
        chain.push(await (i % 2 ? ada : ben).say(`step ${i}`, { in_reply_to_id: chain.at(-1).id }));
    const side = await cleo.say('aside', { in_reply_to_id: chain[2].id });
    const context = await ben.get(`/statuses/${chain[2].id}/context`);
    equal('what is above, the first one first', ids(context.ancestors), ids(chain.slice(0, 2)));
    equal('what is below, depth first', ids(context.descendants), [chain[3].id, chain[4].id, side.id]);
    await ada.good('DELETE', `/statuses/${chain[2].id}`);
    equal('what is deleted is left out', ids((await ben.get(`/statuses/${chain[4].id}/context`)).ancestors), ids([chain[0], chain[1], chain[3]]));
    equal('a thread of nothing', (await ben.call('GET', '/statuses/5/context')).status, 404);
    const root = await ada.say('much is said of this');
    await many(90, (i) => ben.say(`answer ${i}`, { in_reply_to_id: root.id }));
    equal('strangers get less', (await nobody.get(`/statuses/${root.id}/context`)).descendants.length, 60);
    equal('members get all', (await ben.get(`/statuses/${root.id}/context`)).descendants.length, 90);
}

// ---- Lists, walked to their ends -----------------------------------------------------------------------------------

{
    const dora = await program('dora'), fred = await program('fred');
    await act(dora, (await accountOf(fred)).id, 'follow');
    const posts = (await many(500, (i) => fred.say(`note ${i} #${i % 2 ? 'odd' : 'even'}${i % 5 ? '' : ' #five'}`))).map((s) => s.id);
    const sorted = latestFirst(posts);
    await until(async () => (await dora.get('/timelines/home?limit=1'))[0]?.id === sorted[0], 'all posts at home');

    let extra = 0;
    const home = await walk(dora, '/timelines/home?limit=40', 'next', async (n) => {
        if (n % 3 === 0) {
            await fred.say(`meanwhile ${n}`);
            extra++;
        }
    });
    equal('home: every post once and in order, while new ones arrive, past the end of the cache', ids(home.flat()), sorted);
    check('home: in full pages', home.slice(0, -1).every((page) => page.length === 40));
    const back = await walk(dora, `/timelines/home?limit=40&min_id=${sorted.at(-1)}`, 'prev');
    equal('home: and back up', ids(back.map((page) => [...page].reverse()).flat()).slice(0, 499), [...sorted].reverse().slice(1));
    equal('home: then what arrived', ids(back.flat()).length, 499 + extra);
    const middle = sorted[250];
    equal('home: since_id keeps the newest', ids(await dora.get(`/timelines/home?limit=5&since_id=${sorted[3]}&max_id=${sorted[0]}`)), sorted.slice(1, 3));
    equal('home: min_id gives what follows it', ids(await dora.get(`/timelines/home?limit=5&min_id=${middle}`)), sorted.slice(245, 250));
    equal('home: both bounds hold', ids(await dora.get(`/timelines/home?limit=9&min_id=${middle}&max_id=${sorted[247]}`)), sorted.slice(248, 250));
    equal('home: more than the most is the most', (await dora.get('/timelines/home?limit=500')).length, 40);
    equal('home: twenty if not said', (await dora.get('/timelines/home')).length, 20);
    equal('home: of strangers there is none', (await nobody.call('GET', '/timelines/home')).status, 401);
    equal('home: 0 is no bound', ids(await dora.get('/timelines/home?limit=5&max_id=0&since_id=0')), ids(await dora.get('/timelines/home?limit=5')));
    equal('home: min_id 0 is below all', ids(await dora.get('/timelines/home?limit=5&min_id=0')), sorted.slice(-5));
    equal('a wrong bound is named', (await dora.call('GET', '/timelines/home?max_id=x')).status, 422);

    const known = await dora.client.request('GET', '/api/v1/timelines/home', {});
    const same = { 'if-none-match': known.header('etag') };
    equal('home: what is known is not sent', (await dora.client.request('GET', '/api/v1/timelines/home', { headers: same })).status, 304);
    await dora.post(`/statuses/${known.json()[0].id}/favourite`);
    const now = await dora.client.request('GET', '/api/v1/timelines/home', { headers: same });
    equal('home: until something changes', [now.status, now.json()[0].favourited, now.json()[0].favourites_count], [200, true, 1]);
    await dora.post(`/statuses/${known.json()[0].id}/unfavourite`);

    equal('public', ids((await walk(nobody, '/timelines/public?local=true&limit=40')).flat()).filter((id) => posts.includes(id)), sorted);
    equal('public: nothing is remote', await nobody.get('/timelines/public?remote=true'), []);
    equal('public: nothing is media', await nobody.get('/timelines/public?only_media=true'), []);
    equal('an author\'s', ids((await walk(nobody, `/accounts/${(await dora.get('/timelines/home?limit=1'))[0].account.id}/statuses?limit=40`)).flat()).filter((id) => posts.includes(id)), sorted);

    const texts = new Map((await walk(nobody, '/timelines/tag/odd?limit=40')).flat().map((s) => [s.id, s.content]));
    equal('tag: all of them', [...texts.keys()], sorted.filter((id) => texts.has(id)));
    equal('tag: how many', texts.size, 250);
    const tagged = async (query) => (await walk(nobody, `/timelines/tag/${query}`)).flat();
    const either = await tagged('odd?any[]=even&limit=40');
    equal('tag: any', ids(either), sorted);
    const both = await tagged('odd?all[]=five&limit=40');
    equal('tag: all', [both.length, both.every((s) => s.tags.length === 2), newestFirst(ids(both))], [50, true, true]);
    const without = await tagged('odd?none[]=five&limit=40');
    equal('tag: none', [without.length, without.some((s) => s.tags.some((t) => t.name === 'five'))], [200, false]);
    const upwards = await walk(nobody, `/timelines/tag/odd?any[]=even&limit=40&min_id=${sorted.at(-1)}`, 'prev');
    equal('tag: any, upwards', ids(upwards.map((page) => [...page].reverse()).flat()), [...sorted].reverse().slice(1));
    equal('tag: nothing is remote', await tagged('odd?remote=true'), []);
    const tag = await nobody.get('/tags/ODD');
    equal('a tag', [tag.name, tag.url, tag.following, tag.history.length, tag.history[0].uses, tag.history[0].accounts], ['odd', `${BASE}/tags/odd`, false, 7, '250', '1']);
    check('… by days', tag.history.every((day, i) => +day.day % 86400 === 0 && (i === 0 || +tag.history[i - 1].day - +day.day === 86400)));
    equal('a tag that cannot be', (await nobody.call('GET', '/tags/a-b')).status, 404);
    await followedTags();
    equal('no such list', (await dora.call('GET', '/timelines/list/1')).status, 404);

    // Liked and kept in another order than they were written.
    const chosen = posts.filter((_, i) => i % 2 === 0).slice(0, 210).map((id, i, all) => all[(i * 37) % all.length]);
    for (const id of chosen) {
        await dora.post(`/statuses/${id}/favourite`);
        await dora.post(`/statuses/${id}/bookmark`);
    }
    const latest = [...chosen].reverse();
    const likes = await walk(dora, '/favourites?limit=40'), kept = await walk(dora, '/bookmarks?limit=40');
    equal('favourites: in the order of liking', ids(likes.flat()), latest);
    equal('bookmarks: in the order of keeping', ids(kept.flat()), latest);
    check('the reader\'s own acts are in every list', [...likes.flat(), ...kept.flat()].every((s) => s.favourited && s.bookmarked));
    const set = new Set(chosen);
    for (const path of ['/timelines/home', '/timelines/public', `/timelines/tag/even`, `/accounts/${likes[0][0].account.id}/statuses`]) {
        const list = (await walk(dora, `${path}?limit=40`)).flat();
        check(`… ${path}`, list.length >= 210 && list.every((s) => s.favourited === set.has(s.id) && s.bookmarked === set.has(s.id)));
    }
    const first = await dora.client.request('GET', '/api/v1/favourites?limit=40', {});
    await dora.post(`/statuses/${latest[50]}/unfavourite`);
    await dora.post(`/statuses/${latest[50]}/favourite`);
    equal('favourites: what came since', ids(await dora.good('GET', linkOf(first, 'prev').replace('/api/v1', ''))), [latest[50]]);
    equal('strangers have none', [(await nobody.call('GET', '/favourites')).status, (await nobody.call('GET', '/bookmarks')).status], [401, 401]);
}

// ---- An author's list, by kinds ----------------------------------------------------------------------------------------

{
    const gil = await program('gil');
    const one = await gil.say('first #tea'), account = one.account.id;
    const own = await gil.say('going on', { in_reply_to_id: one.id }), answer = await gil.say('to ada', { in_reply_to_id: (await ada.say('ask gil')).id });
    const spread = await gil.post(`/statuses/${(await ben.say('worth it')).id}/reblog`), hidden = await gil.say('hidden', { visibility: 'private' });
    const list = async (query, who = ben) => ids(await who.get(`/accounts/${account}/statuses?${query}`));
    equal('all that is for the reader', await list(''), [spread.id, answer.id, own.id, one.id]);
    equal('the author sees all', await list('', gil), [hidden.id, spread.id, answer.id, own.id, one.id]);
    equal('without answers to others', await list('exclude_replies=true'), [spread.id, own.id, one.id]);
    equal('without reposts', await list('exclude_reblogs=1'), [answer.id, own.id, one.id]);
    equal('with a tag', await list('tagged=TEA'), [one.id]);
    equal('only media', await list('only_media=true'), []);
    equal('of nobody', (await ben.call('GET', '/accounts/7/statuses')).status, 404);
    await act(ben, account, 'block');
    equal('of those blocked there is nothing', await list(''), []);
    equal('… nor for them', await gil.get(`/accounts/${benAccount.id}/statuses`), []);
    check('… in public lists neither', !(await ben.get('/timelines/public?limit=40')).some((s) => s.account.id === account));
    equal('… nor by its id', (await ben.call('GET', `/statuses/${one.id}`)).status, 404);
}

// ---- Who reacted -----------------------------------------------------------------------------------------------------

{
    const s = await ada.say('everybody likes this');
    const crowd = Array.from({ length: 12 }, (_, i) => `fan${i}`);
    const fans = await Promise.all(crowd.map((handle) => program(handle)));
    for (const fan of fans) {
        await fan.post(`/statuses/${s.id}/favourite`);
        await fan.post(`/statuses/${s.id}/reblog`);
    }
    for (const what of ['favourited_by', 'reblogged_by']) {
        const pages = await walk(ben, `/statuses/${s.id}/${what}?limit=5`);
        equal(`${what}: the latest first, to the end`, pages.flat().map((a) => a.username), [...crowd].reverse());
        equal(`${what}: by pages`, pages.map((page) => page.length), [5, 5, 2]);
        const last = await ben.client.request('GET', linkOf(await ben.client.request('GET', `/api/v1/statuses/${s.id}/${what}?limit=5`, {}), 'next'), {});
        const prev = await ben.client.request('GET', linkOf(last, 'prev'), {});
        equal(`${what}: and back`, prev.json().map((a) => a.username), [...crowd].reverse().slice(0, 5));
    }
    const secret = await ada.say('@ben, between us', { visibility: 'direct' });
    equal('not of what is not for one', (await cleo.call('GET', `/statuses/${secret.id}/favourited_by`)).status, 404);
}

// ---- What a token is for, and a session ------------------------------------------------------------------------------

{
    const reader = new Program(null, await token('ada', 'read:statuses')), likes = new Program(null, await token('ada', 'write:favourites'));
    const s = await ben.say('for tokens');
    equal('a token reads what it is for', [(await reader.call('GET', '/timelines/home')).status, (await reader.call('GET', '/bookmarks')).status], [200, 403]);
    equal('… and writes nothing', (await reader.call('POST', '/statuses', { status: 'x' })).status, 403);
    equal('one for likes likes', [(await likes.call('POST', `/statuses/${s.id}/favourite`)).status, (await likes.call('POST', `/statuses/${s.id}/bookmark`)).status], [200, 403]);
    const page = await ada.session.request('GET', '/api/v1/timelines/home', {});
    equal('the session of the pages reads too', [page.status, page.json().length > 0], [200, true]);
    const write = (headers) => ada.session.request('POST', `/api/v1/statuses/${s.id}/bookmark`, { headers });
    equal('… and writes with the form token alone', [(await write({})).status, (await write({ 'x-csrf-token': await ada.session.csrf() })).status], [403, 200]);
}

await deeplink('events', 'dead').then((text) => check('no event was left dead', !/post/.test(text)), () => {});
await finish();
