// Push in a browser: the settings switch it on and off, and the service worker shows what is pushed. The browser vendor's
// push service is not reached from here: in its place stands an endpoint of the test's own, and what would come from
// there is delivered by the browser's debugging protocol.
// harness: set mail_delay_s = 0
// harness: set outbound_private = yes
import crypto from 'node:crypto';
import http from 'node:http';
import { BASE, DEMO_PASSWORD, check, deeplink, equal, finish, launch, logIn, newPage, open, part, until, write } from './lib.mjs';

const got = [];
const service = http.createServer((req, res) => { req.resume(); req.on('end', () => { got.push(req.headers); res.writeHead(201).end(); }); });
await new Promise((resolve) => { service.listen(0, '127.0.0.1', resolve); });
const keys = crypto.createECDH('prime256v1');
keys.generateKeys();
const theirs = { endpoint: `http://127.0.0.1:${service.address().port}/ada`, keys: { p256dh: keys.getPublicKey('base64url'), auth: crypto.randomBytes(16).toString('base64url') } };

await deeplink('demo');
const ada = await logIn('ada', DEMO_PASSWORD), kofi = await logIn('kofi', DEMO_PASSWORD);
const browser = await launch();
const context = await open(browser, { client: ada, permissions: ['notifications'] });
await context.addInitScript((subscription) => {
    let has = null;
    PushManager.prototype.getSubscription = async () => has;
    PushManager.prototype.subscribe = async (options) => {
        window.askedWith = options;
        has = { ...subscription, options: { applicationServerKey: options.applicationServerKey }, toJSON: () => subscription, unsubscribe: async () => { has = null; return true; } };
        return has;
    };
}, theirs);
const page = await newPage(context);

await part('switched on and off', async () => {
    await page.goto('/settings/notifications');
    await page.locator('[data-push-on]').click();
    await page.getByText('This browser is told by push.').waitFor();
    check('only the other button is left', await page.locator('[data-push-off]').isVisible() && !await page.locator('[data-push-on]').isVisible());
    const asked = await page.evaluate(() => ({ only: window.askedWith.userVisibleOnly, key: [...window.askedWith.applicationServerKey] }));
    const instance = await (await fetch(`${BASE}/api/v2/instance`)).json();
    equal('asked with the site\'s key', Buffer.from(asked.key).toString('base64url'), instance.configuration.vapid.public_key);
    equal('that something will be seen', asked.only, true);
    await write(kofi, 'Look here, @ada');
    await until(() => got.length > 0, 'a push');
    equal('encrypted', got[0]['content-encoding'], 'aes128gcm');
    await page.locator('[data-push-off]').click();
    await page.getByText('This browser is not told by push.').waitFor();
    equal('the site knows', JSON.parse((await ada.call('GET', '/api/deeplink/v1/me/push')).html).endpoint, null);
});

await part('what the worker shows', async () => {
    const session = await context.newCDPSession(page);
    const registrations = [];
    session.on('ServiceWorker.workerRegistrationUpdated', ({ registrations: r }) => registrations.push(...r));
    await session.send('ServiceWorker.enable');
    const registration = await until(() => registrations.find((r) => r.scopeURL.endsWith('/static/')), 'the worker');
    const shown = () => page.evaluate(async () => {
        const r = (await navigator.serviceWorker.getRegistrations()).find((x) => x.scope.endsWith('/static/'));
        return (await r.getNotifications()).map((n) => ({ title: n.title, body: n.body, tag: n.tag, lang: n.lang }));
    });
    const deliver = (data) => session.send('ServiceWorker.deliverPushMessage', { origin: BASE, registrationId: registration.registrationId, data });
    // The protocol drops what comes before the worker is at work, without a word: it is delivered until it is shown.
    await until(() => page.evaluate(async () => (await navigator.serviceWorker.getRegistrations()).some((x) => x.active?.state === 'activated')), 'the worker at work');
    await until(async () => (await shown()).length === 1 ||
        (await deliver(JSON.stringify({ notification_id: '7', notification_type: 'mention', title: 'Somebody mentioned you', body: '', preferred_locale: 'en' })), false), 'a notification', 20);
    equal('as it was sent', JSON.stringify((await shown())[0]), JSON.stringify({ title: 'Somebody mentioned you', body: '', tag: '7', lang: 'en' }));
    await deliver(JSON.stringify({ notification_id: '7', title: 'Somebody mentioned you' }));
    await deliver('no JSON at all');
    await until(async () => (await shown()).some((n) => n.title === 'DeepLink'), 'that it shows something');
    equal('the same one stands there once', (await shown()).filter((n) => n.tag === '7').length, 1);
});

await browser.close();
service.close();
await finish();
