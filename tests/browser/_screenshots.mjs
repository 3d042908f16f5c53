// The pictures of docs/screenshots, small enough for a repository: made anew by
//   tests/harness/stack.sh site node tests/browser/_screenshots.mjs
import { execFile } from 'node:child_process';
import { mkdir, stat } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { DEMO_PASSWORD, deeplink, launch, logIn, newPage, open, write } from './lib.mjs';

const run = promisify(execFile);
const folder = path.join(process.env.TEST_ROOT ?? '.', 'docs/screenshots');
const MOST = 150_000;

// Enough of a day for the pictures: ada follows who writes, and has something of her own.
async function setUp() {
    await deeplink('demo');
    const ada = await logIn('ada', DEMO_PASSWORD), bo = await logIn('bo', DEMO_PASSWORD);
    await ada.submit((await ada.get('/settings/privacy')).form('/settings/privacy'), { locked: '1' });
    await bo.act(`/members/${/\/members\/(\d+)\//.exec((await bo.get('/@ada')).html)[1]}/follow`);
    const posts = [...(await ada.get('/')).html.matchAll(/formaction="(\/posts\/\d+\/)like"/g)].map((m) => m[1]);
    for (const post of [posts[1], posts[3]])
        await ada.act(`${post}like`);
    await ada.act(`${posts[2]}bookmark`);
    const kofi = await logIn('kofi', DEMO_PASSWORD);
    const profile = (await kofi.get('/settings/profile')).form('/settings/profile');
    await kofi.submit(profile, { field_name_1: 'Place', field_value_1: 'Harbour school, the roof', field_name_2: 'Web', field_value_2: 'https://example.org/astronomy',
        field_name_3: 'Open', field_value_3: 'Thursdays, clear sky' });
    const thread = /href="(\/@jun\/\d+)#comments"/.exec((await ada.get('/@jun')).html)[1];
    await write(ada, 'Count me in. I bring the label printer, so that we find everything again.', {}, thread);
    return { ada, thread };
}

/** A picture with no more colours than it needs. ImageMagick does that where it is; without, the picture stays as it is. */
async function shrink(file) {
    for (const colours of [256, 128, 64]) {
        await run('convert', [file, '-strip', '-dither', 'None', '-colors', `${colours}`, '-define', 'png:compression-level=9', `PNG8:${file}`]).catch(() => {});
        if ((await stat(file)).size <= MOST)
            break;
    }
    console.log(`${file}: ${(await stat(file)).size} bytes`);
    if ((await stat(file)).size > MOST)
        throw new Error(`${file} is larger than ${MOST} bytes`);
}

async function picture(browser, name, client, address, options) {
    const context = await open(browser, { client, ...options });
    const page = await newPage(context);
    await page.goto(address, { waitUntil: 'networkidle' });
    const file = path.join(folder, `${name}.png`);
    await page.screenshot({ path: file });
    await shrink(file);
    await context.close();
}

await mkdir(folder, { recursive: true });
const { ada, thread } = await setUp();
const browser = await launch();
const desktop = { viewport: { width: 1280, height: 860 } };
await picture(browser, 'home-desktop', ada, '/', desktop);
await picture(browser, 'home-phone-dark', ada, '/', { viewport: { width: 390, height: 844 }, deviceScaleFactor: 2, colorScheme: 'dark' });
await picture(browser, 'profile-desktop', ada, '/@kofi', desktop);
await picture(browser, 'thread-desktop', ada, thread, desktop);
await browser.close();
