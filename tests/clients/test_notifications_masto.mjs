// masto.js, unmodified: notifications one by one and in groups, counted, dismissed; policy and requests.
// harness: set rate_limits = no
import { createRestAPIClient, MastoHttpError } from 'masto';
import { BASE, check, equal, finish, member, part, token, until } from '../http/lib.mjs';

const clients = {};
for (const handle of ['ada', 'bob', 'cyd']) {
    await member(handle);
    clients[handle] = createRestAPIClient({ url: BASE, accessToken: await token(handle) });
}
const { ada, bob, cyd } = clients;
const me = await ada.v1.accounts.verifyCredentials();
const post = await ada.v1.statuses.create({ status: 'Hello' });

async function gone(name, fn) {
    try {
        await fn();
        check(name, false, 'it is there');
    } catch (e) {
        check(name, e instanceof MastoHttpError && e.statusCode === 404, `${e}`);
    }
}

await part('one by one', async () => {
    await bob.v1.statuses.$select(post.id).favourite();
    await cyd.v1.statuses.$select(post.id).favourite();
    await bob.v1.accounts.$select(me.id).follow();
    const found = await until(async () => {
        const list = await ada.v1.notifications.list();
        return list.length === 3 && list;
    }, 'three');
    equal('types', found.map((n) => n.type).sort(), ['favourite', 'favourite', 'follow']);
    equal('one', (await ada.v1.notifications.$select(found[0].id).fetch()).id, found[0].id);
    equal('some', (await ada.v1.notifications.list({ types: ['follow'] })).length, 1);
    const seen = [];
    for await (const page of ada.v1.notifications.list({ limit: 2 }))
        seen.push(...page.map((n) => n.id));
    equal('walked', seen, found.map((n) => n.id));
    equal('unread', (await ada.v1.notifications.unreadCount.fetch()).count, 3);
});

await part('groups', async () => {
    const found = await ada.v2.notifications.list({ types: ['favourite'] });
    const [likes] = found.notificationGroups;
    equal('a group', [likes.notificationsCount, likes.sampleAccountIds.length, likes.statusId], [2, 2, post.id]);
    equal('accounts and posts', [found.accounts.length, found.statuses.map((s) => s.id)], [2, [post.id]]);
    equal('partial', (await ada.v2.notifications.list({ types: ['favourite'], expandAccounts: 'partial_avatars' })).partialAccounts.length, 1);
    equal('one', (await ada.v2.notifications.$select(likes.groupKey).fetch()).notificationGroups[0].groupKey, likes.groupKey);
    equal('all in it', (await ada.v2.notifications.$select(likes.groupKey).accounts.fetch()).length, 2);
    equal('counted', (await ada.v2.notifications.unreadCount.fetch()).count, 2);
    await ada.v1.markers.create({ notifications: { lastReadId: likes.mostRecentNotificationId } });
    check('read', (await ada.v2.notifications.unreadCount.fetch()).count < 2);
    await ada.v2.notifications.$select(likes.groupKey).dismiss();
    await gone('dismissed', () => ada.v2.notifications.$select(likes.groupKey).fetch());
});

await part('policy and requests', async () => {
    equal('policy', (await ada.v2.notifications.policy.update({ forNotFollowing: 'filter' })).forNotFollowing, 'filter');
    await bob.v1.statuses.create({ status: '@ada hello' });
    const [request] = await until(async () => {
        const list = await ada.v1.notifications.requests.list();
        return list.length === 1 && list;
    }, 'a request');
    equal('whose', [request.account.acct, request.notificationsCount], ['bob', '1']);
    equal('one', (await ada.v1.notifications.requests.$select(request.id).fetch()).id, request.id);
    await ada.v1.notifications.requests.$select(request.id).accept();
    equal('merged', (await ada.v1.notifications.requests.merged.fetch()).merged, true);
    const [newest] = await ada.v1.notifications.list({ limit: 1 });
    equal('there', newest.type, 'mention');
    await ada.v1.notifications.$select(newest.id).dismiss();
    await gone('dismissed', () => ada.v1.notifications.$select(newest.id).fetch());
});

await finish();
