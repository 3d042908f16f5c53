// Letting an app in, in a real browser under the real policy: an app's own scheme, another site, no script; and how it looks.
// harness: set rate_limits = no
import { Client, DESKTOP, PHONE, axeFinds, check, equal, finish, inspect, launch, member, newPage, nothing, open, part, silent, until } from './lib.mjs';

const anon = new Client();
const ada = await member('ada', { name: 'Ada Lovelace' });
const browser = await launch();

async function register(redirect_uris) {
    return (await anon.json('POST', '/api/v1/apps', { client_name: 'Ivory & <b>Co</b>', redirect_uris, scopes: 'read write follow push',
        website: 'https://app.example/' })).data;
}

function address(app, redirect_uri, fields = {}) {
    return `/oauth/authorize?${new URLSearchParams({ response_type: 'code', client_id: app.client_id, redirect_uri,
        scope: 'read write follow push', state: 'x&y', ...fields })}`;
}

// The policy stops a form's redirect with a message on the console; what gets through is seen as a request.
for (const script of [true, false])
    for (const back of ['com.tapbots.Ivory.1:/request_token', 'tuba://auth_code', 'https://client.example/back']) {
        await part(`${back}, ${script ? 'with' : 'without'} script`, async () => {
            const app = await register(back), context = await open(browser, { client: ada, script });
            const page = await newPage(context), seen = [], refused = [];
            const session = await context.newCDPSession(page);
            await session.send('Network.enable');
            session.on('Network.requestWillBeSent', ({ redirectResponse, request }) => {
                if (redirectResponse?.headers)
                    seen.push(redirectResponse.headers.location ?? redirectResponse.headers.Location ?? request.url);
            });
            page.on('console', (m) => { if (/form-action|Content Security Policy/i.test(m.text())) refused.push(m.text()); });
            page.on('response', (r) => { if (r.status() === 303) seen.push(r.headers().location); });
            await page.goto(address(app, back));
            await page.getByRole('button', { name: 'Authorise' }).click({ noWaitAfter: true });
            await until(() => seen.some((l) => l?.startsWith(back)), `the way back to ${back}`);
            check('goes back with a code', seen.some((l) => l?.startsWith(`${back}?code=`)), JSON.stringify(seen));
            equal('and the policy lets it', refused, []);
            await context.close();
        });
    }

await part('how it looks', async () => {
    const app = await register('urn:ietf:wg:oauth:2.0:oob');
    for (const [name, viewport] of [['desktop', DESKTOP], ['phone', PHONE]])
        for (const colorScheme of ['light', 'dark']) {
            const context = await open(browser, { client: ada, viewport, colorScheme }), page = await newPage(context);
            await page.goto(address(app, 'urn:ietf:wg:oauth:2.0:oob'));
            await inspect(page, `consent, ${name}, ${colorScheme}`);
            nothing(`consent, ${name}, ${colorScheme}: axe`, await axeFinds(page));
            if (process.env.SHOTS)
                await page.screenshot({ path: `${process.env.SHOTS}/consent-${name}-${colorScheme}.png`, fullPage: true });
            await page.getByRole('button', { name: 'Authorise' }).click();
            await page.waitForSelector('#code');
            await inspect(page, `code, ${name}, ${colorScheme}`);
            await page.goto(address(app, 'urn:ietf:wg:oauth:2.0:oob', { force_login: '1' }));
            await inspect(page, `as whom, ${name}, ${colorScheme}`);
            await page.goto('/settings/apps');
            await inspect(page, `apps and tokens, ${name}, ${colorScheme}`);
            nothing(`apps and tokens, ${name}, ${colorScheme}: axe`, await axeFinds(page));
            if (process.env.SHOTS)
                await page.screenshot({ path: `${process.env.SHOTS}/apps-${name}-${colorScheme}.png`, fullPage: true });
            silent(page, `${name}, ${colorScheme}`);
            await context.close();
        }
});

await browser.close();
await finish();
