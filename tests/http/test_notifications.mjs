// Notifications for programs: kinds, pages, groups, read position, policy and requests; that nobody reads or changes
// another's; and the pages that show the same.
// harness: set rate_limits = no
// harness: again on kafka
import { BASE, Client, PASSWORD, check, deeplink, equal, finish, logIn, member, part, token, until } from './lib.mjs';

const V1 = '/api/v1/notifications', V2 = '/api/v2/notifications', OWN = '/api/deeplink/v1/me/notifications';

class Program {
    constructor(session, bearer) {
        this.session = session;
        this.bearer = bearer;
        this.client = new Client();
    }
    call(method, path, body) { return this.client.json(method, path, body, { token: this.bearer }); }
    async good(method, path, body) {
        const answer = await this.call(method, path, body);
        if (![200, 204].includes(answer.status))
            throw new Error(`${method} ${path}: ${answer.status} ${answer.html.slice(0, 300)}`);
        this.last = answer;
        return answer.data;
    }
    get(path) { return this.good('GET', path); }
    post(path, body = {}) { return this.good('POST', path, body); }
    say(status, more = {}) { return this.post('/api/v1/statuses', { status, ...more }); }
}

const id = {};

async function program(handle, options) {
    const session = await member(handle, options);
    const p = new Program(session, await token(handle));
    id[handle] = (await p.get('/api/v1/accounts/verify_credentials')).id;
    return p;
}

const linkOf = (answer, rel) => new RegExp(`<([^>]+)>; rel="${rel}"`).exec(answer.header('link') ?? '')?.[1].replace(BASE, '') ?? null;

/** Types and who did it, once the list is that long. */
async function told(who, n, query = '') {
    const list = await until(async () => {
        const found = await who.get(`${V1}${query}`);
        return found.length === n && found;
    }, `${n} notifications`);
    return list.map((one) => `${one.type} ${one.account.username}`);
}

const ada = await program('ada'), bob = await program('bob'), cyd = await program('cyd'), eve = await program('eve');
const mod = await program('modder', { role: 'moderator' });
const first = await ada.say('the first');

await part('kinds', async () => {
    equal('nothing yet', await ada.get(V1), []);
    equal('nothing unread', await ada.get(`${V1}/unread_count`), { count: 0 });
    await bob.post(`/api/v1/statuses/${first.id}/favourite`);
    await told(ada, 1);
    await cyd.post(`/api/v1/statuses/${first.id}/reblog`);
    await told(ada, 2);
    const comment = await bob.say('I see', { in_reply_to_id: first.id });
    await told(ada, 3);
    const mention = await cyd.say('what does @ada say?');
    await told(ada, 4);
    await bob.post(`/api/v1/accounts/${id.ada}/follow`);
    equal('types by Mastodon\'s names', await told(ada, 5), ['follow bob', 'mention cyd', 'mention bob', 'reblog cyd', 'favourite bob']);
    const list = await ada.get(V1);
    equal('what each is about', list.map((one) => one.status?.id), [undefined, mention.id, comment.id, first.id, first.id]);
    equal('one of them', await ada.get(`${V1}/${list[1].id}`), list[1]);
    check('dates and keys', list.every((one) => /^\d{4}-.*\.\d{3}Z$/.test(one.created_at) && one.group_key !== ''));
    await ada.good('PUT', `/api/v1/statuses/${first.id}`, { status: 'the first, said better' });
    equal('an edit reaches who reposted it', await told(cyd, 1), ['update ada']);
});

await part('filters and pages', async () => {
    equal('one type', await told(ada, 1, '?types[]=follow'), ['follow bob']);
    equal('all but', await told(ada, 3, '?exclude_types[]=mention'), ['follow bob', 'reblog cyd', 'favourite bob']);
    equal('by one member', await told(ada, 2, `?account_id=${id.cyd}`), ['mention cyd', 'reblog cyd']);
    equal('a type that there is not', await ada.get(`${V1}?types[]=poll`), []);
    const all = (await ada.get(V1)).map((one) => one.id), seen = [];
    for (let path = `${V1}?limit=2`; path; path = linkOf(ada.last, 'next'))
        seen.push(...(await ada.get(path)).map((one) => one.id));
    equal('walked down by Link', seen, all);
    equal('up from the oldest', (await ada.get(`${V1}?limit=2&min_id=${all[4]}`)).map((one) => one.id), [all[2], all[3]]);
    equal('the newest since', (await ada.get(`${V1}?limit=2&since_id=${all[4]}`)).map((one) => one.id), [all[0], all[1]]);
    equal('between two', (await ada.get(`${V1}?max_id=${all[1]}&min_id=${all[4]}`)).map((one) => one.id), [all[2], all[3]]);
    check('a link upwards', linkOf(ada.last, 'prev').includes(`min_id=${all[2]}`));
    equal('a number that is none', (await ada.call('GET', `${V1}?max_id=x`)).status, 422);
});

await part('our own list, down and up again', async () => {
    const own = '/api/deeplink/v1/me/notifications?limit=2', all = (await ada.get('/api/deeplink/v1/me/notifications')).items.map((one) => one.id), pages = [];
    let page = await ada.get(own);
    equal('nothing is before the first page', page.prev, null);
    for (;;) {
        pages.push(page.items.map((one) => one.id));
        if (!page.next)
            break;
        page = await ada.get(`${own}&cursor=${encodeURIComponent(page.next)}`);
    }
    equal('down', pages.flat(), all);
    for (let n = pages.length - 2; n >= 0; n--) {
        check(`page ${n + 2} says what is before it`, page.prev);
        page = await ada.get(`${own}&cursor=${encodeURIComponent(page.prev)}`);
        equal(`page ${n + 1} again`, page.items.map((one) => one.id), pages[n]);
    }
    equal('and no further', page.prev, null);
});

await part('groups', async () => {
    await eve.post(`/api/v1/statuses/${first.id}/favourite`);
    await eve.post(`/api/v1/accounts/${id.ada}/follow`);
    await told(ada, 7);
    const all = await ada.get(V2);
    equal('groups', all.notification_groups.map((g) => [g.type, g.notifications_count, g.sample_account_ids]), [
        ['follow', 2, [id.eve, id.bob]], ['favourite', 2, [id.eve, id.bob]], ['mention', 1, [id.cyd]], ['mention', 1, [id.bob]], ['reblog', 1, [id.cyd]]]);
    equal('accounts once', all.accounts.map((a) => a.id).sort(), [id.bob, id.cyd, id.eve].sort());
    equal('posts once', all.statuses.length, 3);
    const likes = all.notification_groups[1];
    check('where in the page', likes.page_max_id === likes.most_recent_notification_id && likes.page_min_id !== likes.page_max_id);
    equal('its post', likes.status_id, first.id);
    check('whole accounts alone', all.partial_accounts === undefined);
    const partial = await ada.get(`${V2}?expand_accounts=partial_avatars`);
    equal('the latest whole, the others by picture', [partial.accounts.map((a) => a.id).sort(), partial.partial_accounts.length], [[id.bob, id.cyd, id.eve].sort(), 0]);
    const alone = await ada.get(`${V2}?expand_accounts=partial_avatars&types[]=favourite`);
    equal('… of one group', [alone.accounts.map((a) => a.username), alone.partial_accounts.map((a) => a.acct)], [['eve'], ['bob']]);
    const ungrouped = (await ada.get(`${V2}?grouped_types[]=follow&types[]=favourite`)).notification_groups;
    equal('types that a client does not group', ungrouped.map((g) => [g.notifications_count, g.group_key]), ungrouped.map((g) => [1, `ungrouped-${g.most_recent_notification_id}`]));
    equal('… each by itself', ungrouped.length, 2);
    equal('… and by its key', (await ada.get(`${V2}/${ungrouped[0].group_key}`)).notification_groups[0].type, 'favourite');
    const seen = [];
    for (let path = `${V2}?limit=2`; path; path = linkOf(ada.last, 'next'))
        seen.push(...(await ada.get(path)).notification_groups.map((g) => g.group_key));
    equal('walked down, each group once', seen, all.notification_groups.map((g) => g.group_key));
    const one = await ada.get(`${V2}/${likes.group_key}`);
    equal('one group', [one.notification_groups.length, one.notification_groups[0].notifications_count, one.notification_groups[0].page_min_id], [1, 2, undefined]);
    equal('all in it', (await ada.get(`${V2}/${likes.group_key}/accounts`)).map((a) => a.username), ['eve', 'bob']);
    equal('no such group', (await ada.call('GET', `${V2}/favourite-1-1`)).status, 404);
    equal('unread, one by one and in groups', [await ada.get(`${V1}/unread_count`), await ada.get(`${V2}/unread_count`)], [{ count: 7 }, { count: 5 }]);
    equal('… some of them', [await ada.get(`${V1}/unread_count?types[]=follow`), await ada.get(`${V1}/unread_count?limit=3`)], [{ count: 2 }, { count: 3 }]);
});

await part('reading', async () => {
    const list = await ada.get(V1);
    await ada.post('/api/v1/markers', { notifications: { last_read_id: list[2].id } });
    equal('unread above the marker', await ada.get(`${V1}/unread_count`), { count: 2 });
    equal('our own says the same', await ada.get(`${OWN}/unread`), { notifications: 2, requests: 0, last_id: list[0].id, read_id: list[2].id });
    await ada.post(`${OWN}/read`, { last_id: list[0].id });
    equal('the marker has moved', (await ada.get('/api/v1/markers?timeline[]=notifications')).notifications.last_read_id, list[0].id);
    await ada.post(`${OWN}/read`, { last_id: list[4].id });
    equal('and moves back by markers alone', (await ada.get(`${OWN}/unread`)).notifications, 0);
    equal('all kinds by our names', (await ada.get(OWN)).items.map((one) => one.kind), ['follow', 'like', 'mention', 'comment', 'repost']);
    equal('one kind', (await ada.get(`${OWN}?kind=comment`)).items.length, 1);
});

await part('requests to follow', async () => {
    await ada.good('PATCH', '/api/v1/accounts/update_credentials', { locked: true });
    const zed = await program('zed');
    await zed.post(`/api/v1/accounts/${id.ada}/follow`);
    await told(ada, 1, '?types[]=follow_request');
    await ada.post(`/api/v1/follow_requests/${id.zed}/authorize`);
    await told(ada, 0, '?types[]=follow_request');
    equal('accepted is a kind of ours', [await told(zed, 1, '?types[]=follow_accepted'), await zed.get(V1)], [['follow_accepted ada'], []]);
    await ada.good('PATCH', '/api/v1/accounts/update_credentials', { locked: false });
});

await part('sign-in and moderation', async () => {
    await logIn('bob', PASSWORD, { headers: { 'user-agent': 'Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) Safari/604.1' } });
    await told(bob, 1, '?types[]=sign_in');
    const rude = await bob.say('something rude');
    await mod.good('DELETE', `/api/v1/statuses/${rude.id}`);
    await told(bob, 1, '?types[]=moderation');
    const own = (await bob.get(OWN)).items;
    equal('ours says what', own.map((one) => [one.kind, one.account, one.detail.split('\n')[0]]), [['moderation', null, 'deleted'], ['sign_in', null, own[1].detail.split('\n')[0]]]);
    check('the device', own[1].detail.includes('iPhone'));
    equal('others do not see them', await bob.get(V1), []);
});

await part('policy and requests', async () => {
    equal('a policy to begin with', await ada.get(`${V2}/policy`), { for_not_following: 'accept', for_not_followers: 'accept', for_new_accounts: 'accept',
        for_private_mentions: 'filter', for_limited_accounts: 'filter', summary: { pending_requests_count: 0, pending_notifications_count: 0 } });
    equal('changed in part', (await ada.good('PATCH', `${V2}/policy`, { for_not_followers: 'filter' })).for_not_followers, 'filter');
    equal('a word that is none', (await ada.call('PATCH', `${V2}/policy`, { for_not_followers: 'perhaps' })).status, 422);
    const before = (await ada.get(V1)).length;
    await cyd.post(`/api/v1/statuses/${first.id}/favourite`);
    const post = await cyd.say('@ada again');
    const [request] = await until(async () => {
        const found = await ada.get(`${V1}/requests`);
        return found[0]?.notifications_count === '2' && found;
    }, 'a request');
    equal('whose, and of what', [request.account.username, request.last_status.id], ['cyd', post.id]);
    equal('held back', (await ada.get(V1)).length, before);
    equal('… unless asked for', (await ada.get(`${V1}?include_filtered=true`)).length, before + 2);
    equal('the summary', (await ada.get(`${V2}/policy`)).summary, { pending_requests_count: 1, pending_notifications_count: 2 });
    equal('one request', await ada.get(`${V1}/requests/${request.id}`), request);
    equal('another\'s request', [(await eve.call('GET', `${V1}/requests/${request.id}`)).status, (await eve.call('POST', `${V1}/requests/${request.id}/accept`)).status], [404, 404]);
    await ada.post(`${V1}/requests/${request.id}/accept`);
    equal('merged', [await ada.get(`${V1}/requests/merged`), (await ada.get(V1)).length], [{ merged: true }, before + 2]);
    equal('answered once', (await ada.call('POST', `${V1}/requests/${request.id}/accept`)).status, 404);
    await cyd.say('@ada and again');
    await told(ada, before + 3);
    const fay = await program('fay'), gus = await program('gus');
    const requests = (n) => until(async () => {
        const found = await ada.get(`${V1}/requests`);
        return found.length === n && found;
    }, `${n} requests`);
    await fay.say('@ada hello');
    await requests(1); // what two authors write may be handled in either order where a broker carries it
    await gus.say('@ada hello');
    const two = await requests(2);
    equal('pages of requests', [(await ada.get(`${V1}/requests?limit=1`)).map((r) => r.account.username), linkOf(ada.last, 'next') !== null], [['gus'], true]);
    await ada.post(`${V1}/requests/dismiss`, { id: two.map((r) => r.id) });
    equal('gone', [await ada.get(`${V1}/requests`), (await ada.get(V1)).length], [[], before + 3]);
    await ada.good('PATCH', `${V2}/policy`, { for_not_followers: 'accept' });
});

await part('silence', async () => {
    const before = (await ada.get(V1)).length;
    await ada.post(`/api/v1/accounts/${id.cyd}/block`);
    await until(async () => !(await ada.get(V1)).some((one) => one.account.id === id.cyd), 'a blocked member to be gone');
    await ada.post(`/api/v1/accounts/${id.eve}/mute`);
    await eve.post(`/api/v1/statuses/${first.id}/reblog`);
    await bob.say('@ada still here');
    await until(async () => (await ada.get(V1))[0].status?.content.includes('still here'), 'a mention');
    check('nothing of the muted one', !(await ada.get(V1)).some((one) => one.account.id === id.eve));
    await deeplink('user', 'suspend', 'bob');
    equal('nobody else is left', await told(ada, 0), []);
    equal('nor counted', (await until(async () => { const n = await ada.get(`${OWN}/unread`); return n.notifications === 0 && n; }, 'a count of 0')).notifications, 0);
    await deeplink('user', 'restore', 'bob');
    await until(async () => (await ada.get(V1)).length > 0, 'those of who is back');
    check('fewer than before', (await ada.get(V1)).length < before);
});

await part('away with it', async () => {
    const list = await ada.get(V1);
    equal('another\'s', [(await eve.call('GET', `${V1}/${list[0].id}`)).status, (await eve.call('POST', `${V1}/${list[0].id}/dismiss`)).status], [404, 404]);
    await ada.post(`${V1}/${list[0].id}/dismiss`);
    equal('dismissed', [(await ada.call('GET', `${V1}/${list[0].id}`)).status, (await ada.get(V1)).length], [404, list.length - 1]);
    const group = (await ada.get(V2)).notification_groups[0];
    await eve.post(`${V2}/${group.group_key}/dismiss`); // has none of that name
    await ada.post(`${V2}/${group.group_key}/dismiss`);
    equal('a group', (await ada.call('GET', `${V2}/${group.group_key}`)).status, 404);
    equal('by our own', (await ada.call('DELETE', `${OWN}/1`)).status, 404);
    await ada.post(`${V1}/clear`);
    equal('all', [await ada.get(V1), (await ada.get(V2)).notification_groups], [[], []]);
});

await part('pages', async () => {
    const gil = await program('gil'), hal = await program('hal'), own = await gil.say('mine'), page = gil.session;
    const badge = (answer) => answer.tags('b').find((b) => 'data-unread' in b);
    check('nothing yet, and what helps', (await page.get('/notifications')).text.includes('Write a post'));
    check('no badge', badge(await page.get('/')).hidden !== undefined);
    await hal.post(`/api/v1/statuses/${own.id}/favourite`);
    await hal.post(`/api/v1/accounts/${id.gil}/follow`);
    await bob.post(`/api/v1/statuses/${own.id}/favourite`);
    await told(gil, 3);
    for (const path of ['/', '/local', '/@hal', '/settings/profile', '/notifications', '/@nobodyatall']) {
        const at = await page.get(path);
        check(`the bell counts on ${path}`, badge(at)?.hidden === undefined && /News 3 unread/.test(at.text), at.text.slice(0, 200));
    }
    check('but not for strangers', badge(await new Client().get('/local')) === undefined);
    let list = await page.get('/notifications');
    check('in words', list.text.includes('bob and 1 other like your post') && list.text.includes('hal follows you'), list.text.slice(0, 600));
    equal('unread ones', list.tags('li').filter((li) => /\bunread\b/.test(li.class ?? '')).length, 2);
    check('one kind alone', !(await page.get('/notifications?show=follows')).text.includes('like your post'));
    check('none of a kind', (await page.get('/notifications?show=talk')).text.includes('Nothing of this kind'));
    list = await page.submit(list.form('/notifications/read'));
    check('all read', list.text.includes('Everything is marked as read') && badge(list).hidden !== undefined && !list.html.includes('/notifications/read'));
    const away = /\/notifications\/groups\/[^"]+\/dismiss/.exec(list.html)[0];
    check('taken away', !(await page.press(list, away)).html.includes(away));
    const ida = await program('ida');
    await ida.say('@gil psst', { visibility: 'direct' });
    await until(async () => (await page.get('/notifications')).text.includes('Something of 1 person is held back'), 'a request');
    let held = await page.get('/notifications/requests');
    check('who, and what', held.text.includes('ida') && held.text.includes('psst'));
    held = await page.press(held, /\/notifications\/requests\/\d+\/accept/.exec(held.html)[0]);
    check('shown', held.text.includes('Nothing is held back') && (await page.get('/notifications')).text.includes('ida mentioned you'));
    let policy = await page.get('/notifications/policy');
    policy = await page.submit(policy.form('/notifications/policy'), { not_following: 'drop' });
    check('the policy is kept', policy.text.includes('Saved.') && (await gil.get(`${V2}/policy`)).for_not_following === 'drop');
    equal('without the form token', (await page.request('POST', '/notifications/read', { headers: { 'content-type': 'application/x-www-form-urlencoded' }, body: 'last_id=1' })).status, 403);
    await ada.good('PATCH', '/api/v1/accounts/update_credentials', { locked: true });
    const jan = await program('jan');
    await jan.post(`/api/v1/accounts/${id.ada}/follow`);
    await told(ada, 1, '?types[]=follow_request');
    const asked = await ada.session.get('/notifications');
    await ada.session.press(asked, `/requests/${id.jan}/accept`);
    await told(ada, 0, '?types[]=follow_request');
    check('accepted from there', (await ada.get(`/api/v1/accounts/relationships?id[]=${id.jan}`))[0].followed_by);
});

await part('who may ask', async () => {
    const readOnly = new Program(null, await token('ada', 'read:notifications')), other = new Program(null, await token('ada', 'read:statuses write:statuses'));
    equal('reads', (await readOnly.call('GET', V1)).status, 200);
    equal('writes not', (await readOnly.call('POST', `${V1}/clear`)).status, 403);
    equal('with another scope', [(await other.call('GET', V1)).status, (await other.call('GET', V2)).status, (await other.call('PATCH', `${V2}/policy`, {})).status], [403, 403, 403]);
    equal('nobody', (await new Client().request('GET', V2)).status, 401);
    const site = (await new Client().json('GET', '/api/v2/instance')).data;
    equal('what the site promises', [site.version.slice(0, 3), site.api_versions], ['4.3', { mastodon: 2 }]);
});

await finish();
