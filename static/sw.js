/* Shows what is pushed: that there is something, and of which kind. What exactly stands on the site. */

addEventListener('push', event => {
  let news = {};
  try { news = event.data.json(); } catch { /* nothing that we wrote: then it is only that there is something */ }
  event.waitUntil(registration.showNotification(news.title || 'DeepLink', {
    body: news.body || '',
    tag: String(news.notification_id || 'news'), // the same one is not shown twice
    lang: news.preferred_locale || undefined,
    icon: news.icon,
  }));
});

addEventListener('notificationclick', event => {
  event.notification.close();
  event.waitUntil((async () => {
    const open = await clients.matchAll({ type: 'window', includeUncontrolled: true });
    const page = open.find(c => new URL(c.url).origin === location.origin);
    if (!page) return clients.openWindow('/notifications');
    await page.focus();
    return page.navigate?.('/notifications')?.catch(() => clients.openWindow('/notifications'));
  })());
});
