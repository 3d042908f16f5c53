// Pictures of every page to look at: node tests/browser/_looks.mjs FOLDER, on a site (see tests/harness/stack.sh).
// Not a test: eyes judge it. ONLY=REGEX takes some of them, SCRIPT=no takes them without JavaScript, DARK=no in light alone.
import { mkdir } from 'node:fs/promises';
import { DEMO_PASSWORD, Client, DESKTOP, PASSWORD, PHONE, deeplink, launch, logIn, mailLink, newPage, open, until, write } from './lib.mjs';
import { photo, sound, video } from './lib_media.mjs';

const folder = process.argv[2] ?? '/tmp/looks';
await mkdir(folder, { recursive: true });
await deeplink('demo');
const ada = await logIn('ada', DEMO_PASSWORD), mirela = await logIn('mirela', DEMO_PASSWORD), kofi = await logIn('kofi', DEMO_PASSWORD);
const id = async (handle) => /\/members\/(\d+)\//.exec((await (handle === 'ada' ? kofi : ada).get(`/@${handle}`)).html)[1];
await deeplink('user', 'create', 'newcomer', '--email', 'n@example.org', '--password', PASSWORD, '--name', 'Wanda Neumann');
const fresh = await logIn('newcomer');
const post = await write(mirela, 'The mast goes in on **Friday**, weather permitting. #boats\n\n- rope\n- hands\n- soup\n\n> slowly\n\n`knots` and [a plan](https://example.org/plan)');
const pid = post.split('/').pop();
await mirela.submit((await mirela.get(`/posts/${pid}/edit`)).form(`/posts/${pid}/edit`), { text: 'The mast goes in on **Saturday**, weather permitting. #boats' });
await mirela.submit((await mirela.get('/settings/profile')).form('/settings/profile'), { field_name_1: 'Place', field_value_1: 'Old harbour, slip 3', field_name_2: 'Web', field_value_2: 'https://example.org/boats' });
for (const act of ['like', 'repost', 'bookmark']) { await kofi.act(`/posts/${pid}/${act}`); await ada.act(`/posts/${pid}/${act}`); }
let deep = post;
for (let i = 0; i < 6; i++) deep = await write([kofi, ada, mirela][i % 3], `Level ${i + 1}: is there soup, @mirela?`, {}, deep);
await write(kofi, 'I bring a hat.', {}, post);
await write(kofi, Array.from({ length: 30 }, (_, i) => `Line ${i + 1} of a long report about the roof.`).join('\n\n'));
await write(mirela, 'Only a scratch, but it bled.', { warning: 'Blood, a little' });
await write(mirela, 'For those who follow me: the key is under the boat.', { audience: 'followers' });
await mirela.act(`/posts/${pid}/pin`);
await ada.submit((await ada.get('/settings/privacy')).form('/settings/privacy'), { locked: '1' });
for (const c of [mirela, fresh]) await c.act(`/members/${await id('ada')}/follow`);
await ada.act('/invites', { max_uses: '3', days: '7' });
for (const h of ['bo', 'idris']) { await ada.act(`/members/${await id(h)}/block`); await ada.act(`/members/${await id(h)}/mute`, { duration: '604800' }); }
await ada.act(`/admin/members/${await id('idris')}/role`, { role: 'moderator' });
await deeplink('user', 'create', 'vandal', '--email', 'vandal@example.org', '--password', PASSWORD);
await ada.act(`/admin/members/${await id('vandal')}/suspend`, { note: 'Sold watches, again and again.' });
const stranger = new Client();
await stranger.submit((await stranger.get('/signup')).form('/signup'), { name: 'Xaver', handle: 'xaver', email: 'x@example.org', password: PASSWORD, agreement: '1', reason: 'I heard of you at the pier, and I have a boat.' });
const confirm = await mailLink('x@example.org', /\/confirm\/[\w.~-]+/);

const made = async (title) => /\/lists\/(\d+)/.exec((await ada.act('/lists', { title }, { follow: false })).location)[1];
const list = await made('People of the harbour'), bare = await made('A list with a rather long name, for those whom I met on the boat last summer');
for (const h of ['mirela', 'kofi', 'jun']) { await ada.act(`/members/${await id(h)}/follow`); await ada.act(`/lists/${list}/members/${await id(h)}/add`); }

// Media, as a member without a script sends them.
const browser = await launch();
const writer = await newPage(await open(browser, { client: mirela, script: false }));
async function writeWith(text, files) {
    await writer.goto('/compose');
    await writer.fill('#text', text);
    await writer.locator('.attach > summary').click();
    await writer.locator('#file').setInputFiles(files);
    await writer.getByRole('button', { name: 'Add files' }).click();
    for (const field of await writer.locator('.att textarea').all())
        await field.fill('Red on the left, green on the right: a flag for the mast');
    await writer.locator('.composer .tools button').last().click();
    await writer.waitForURL(/\/@/);
    await until(async () => await writer.reload() && await writer.locator('.focus .i-clock').count() === 0, 'the files', 60);
    return new URL(writer.url()).pathname;
}
const gallery = await writeWith('Three flags to choose from.', [photo('flag.jpg'), photo('tall.png', 600, 1200), photo('wide.png', 1600, 500)]);
const mixed = await writeWith('How it sounds, and moves.', [video(), sound()]);
await writer.goto('/settings/picture');
await writer.locator('#file-avatar').setInputFiles(photo('face.jpg', 500, 700));
await writer.locator('#avatar').getByRole('button', { name: 'Upload' }).click();
await until(async () => await writer.reload() && await writer.locator('#avatar .av img').count() === 1, 'the picture', 60);

const lists = {
    out: [undefined, { landing: '/', signup: '/signup', login: '/login?return_to=/bookmarks', reset: '/reset', confirm: '/confirm', token: confirm, about: '/about', local: '/local', profile: '/@mirela', thread: post, directory: '/directory', tags: '/tags', tag: '/tags/boats', notfound: '/nowhere', gone: '/@vandal', followers: '/@mirela/followers', invite: '/invite/none' }],
    new: [fresh, { home: '/', profile: '/@newcomer', network: '/network', bookmarks: '/bookmarks', likes: '/likes', following: '/@newcomer/following', blocks: '/settings/blocks', notag: '/tags/nothingatall', nobody: '/directory?q=zzz' }],
    in: [ada, { home: '/', local: '/local', profile: '/@mirela', own: '/@ada', replies: '/@kofi/replies', thread: post, deep, compose: '/compose', answer: `/compose?in_reply_to=${pid}`, history: `/posts/${pid}/history`, likes: `/posts/${pid}/likes`, network: '/network',
        directory: '/directory', tags: '/tags', bookmarks: '/bookmarks', followers: '/@ada/followers', block: `/members/${await id('jun')}/block`, mute: `/members/${await id('jun')}/mute`, settings: '/settings/profile', account: '/settings/account', privacy: '/settings/privacy', appearance: '/settings/appearance',
        sessions: '/settings/sessions', activity: '/settings/activity', blocks: '/settings/blocks', mutes: '/settings/mutes', invites: '/invites', admin: '/admin/members', suspend: `/admin/members/${await id('jun')}/suspend`, audit: '/admin/audit', forbidden: `/posts/${pid}/edit` }],
    bell: [ada, { list: '/notifications', requests: '/notifications/requests', policy: '/notifications/policy', prefs: '/settings/notifications', apps: '/settings/apps', files: '/settings/media', erase: '/settings/account/delete',
        roles: '/admin/roles', role: '/admin/roles/new', hooks: '/admin/webhooks', storage: '/admin/storage', reposts: `/posts/${pid}/reposts`, api: '/docs/api' }],
    media: [mirela, { gallery, mixed, picture: `/posts/${gallery.split('/').pop()}/media/2`, edit: `/posts/${gallery.split('/').pop()}/edit`, settings: '/settings/picture', profile: '/@mirela' }],
    kept: [ada, { lists: '/lists', list: `/lists/${list}`, bare: `/lists/${bare}`, edit: `/lists/${list}/edit`, delete: `/lists/${list}/delete`, members: `/lists/${list}/members`, people: `/lists/${list}/people`, of: `/members/${await id('jun')}/lists` }],
    own: [mirela, { delete: `/posts/${pid}/delete`, edit: `/posts/${pid}/edit`, profile: '/@mirela' }],
};
const only = process.env.ONLY && new RegExp(process.env.ONLY);
for (const [who, [client, pages]] of Object.entries(lists)) {
    const context = await open(browser, { client, script: process.env.SCRIPT !== 'no' });
    const page = await newPage(context);
    for (const [name, path] of Object.entries(pages)) {
        if (only && !only.test(`${who}-${name}`))
            continue;
        for (const [viewport, width] of [[PHONE, 'phone'], [DESKTOP, 'desktop']]) {
            await page.setViewportSize(viewport);
            for (const colorScheme of process.env.DARK === 'no' ? ['light'] : ['light', 'dark']) {
                await page.emulateMedia({ colorScheme });
                await page.goto(path);
                await page.screenshot({ path: `${folder}/${who}-${name}-${width}-${colorScheme}.png`, fullPage: width === 'phone' });
            }
        }
    }
    await context.close();
}
await browser.close();
