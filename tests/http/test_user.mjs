// Accounts by the pages alone: signing up, entering, settings, sessions, administration, and what must not work.
// harness: set registration = open
// harness: again on kafka
import { Client, PASSWORD, check, deeplink, equal, finish, logIn, mailLink, mails, member, part, signUp, until } from './lib.mjs';

const csrfOf = (page) => page.forms.flatMap((f) => f.fields).find(([name]) => name === 'csrf')?.[1];

await part('sign up, confirm, log in, log out', async () => {
    const ada = await signUp('newcomer', { name: 'New Comer' });
    let page = await ada.get('/settings/profile');
    equal('a confirmed member gets settings', page.status, 200);
    check('the name is there', page.html.includes('New Comer'));
    equal('log-in is not for members', (await ada.get('/login', { follow: false })).location, '/');
    page = await ada.act('/logout');
    check('logged out', page.text.includes('You are logged out'));
    equal('settings ask to log in', (await ada.get('/settings/profile', { follow: false })).location, '/login?return_to=%2Fsettings%2Fprofile');
});

await part('log-in leads back to where one was', async () => {
    const client = new Client();
    let page = await client.get('/settings/account');
    check('the log-in page says why', page.text.includes('This page is for members'));
    await member('returner');
    page = await client.submit(page.form('/login'), { login: 'returner', password: PASSWORD });
    check('it is the page that was asked for', page.url.startsWith('/settings/account') && page.status === 200, page.url);
    for (const evil of ['//evil.example', 'https://evil.example/', '/\\evil.example', 'javascript:alert(1)']) {
        const c = new Client();
        const form = (await c.get('/login')).form('/login');
        const answer = await c.submit(form, { login: 'returner', password: PASSWORD, return_to: evil }, { follow: false });
        check(`no way to ${evil}`, answer.location === undefined || answer.location === '/', answer.location);
    }
});

await part('what is wrong with a form is said beside it, and what was typed comes back', async () => {
    const client = new Client();
    const form = (await client.get('/signup')).form('/signup');
    const page = await client.submit(form, { name: 'Öde <b>', handle: '9bad', email: 'no address', password: 'short', agreement: '1' });
    equal('422', page.status, 422);
    for (const field of ['handle', 'email'])
        check(`${field} has its error`, page.html.includes(`id="${field}-error"`));
    check('the name came back, escaped', page.html.includes('value="Öde &lt;b&gt;"'));
    check('the password did not', !page.html.includes('short"'));
    const weak = await client.submit(form, { name: 'A', handle: 'weakling', email: 'weak@example.org', password: 'password123', agreement: '1' });
    check('a common password is refused', weak.status === 422 && weak.html.includes('id="password-error"'));
    const rude = await client.submit(form, { name: 'A', handle: 'rude_one', email: 'rude@example.org', password: PASSWORD, agreement: undefined });
    check('the rules must be agreed to', rude.status === 422 && rude.html.includes('id="agreement-error"'));
});

await part('nobody learns who has an account', async () => {
    await member('known_one');
    const answers = [];
    for (const email of ['known_one@example.org', 'unknown_one@example.org']) {
        const c = new Client();
        const signup = await c.submit((await c.get('/signup')).form('/signup'),
            { name: 'X', handle: `probe_${email[0]}`, email, password: PASSWORD, agreement: '1' });
        const reset = await c.submit((await c.get('/reset')).form('/reset'), { email });
        const login = await c.submit((await c.get('/login')).form('/login'), { login: email, password: 'wrong wrong wrong' });
        answers.push([signup.status, signup.text.replaceAll(email, ''), reset.status, reset.text, login.status, login.text.replaceAll(email, '')]);
    }
    equal('the same answers', answers[0], answers[1]);
    await until(async () => (await mails('known_one@example.org')).length >= 2, 'mails to the known address');
});

await part('resetting the password', async () => {
    const client = new Client(), other = await member('forgetful');
    await client.submit((await client.get('/reset')).form('/reset'), { email: 'forgetful@example.org' });
    const link = await mailLink('forgetful@example.org', /\/reset\/[\w.~-]+/);
    equal('opening it twice changes nothing', [(await client.get(link)).status, (await client.get(link)).status], [200, 200]);
    let page = await client.submit((await client.get(link)).form(link), { password: 'short' });
    equal('a bad one is refused, the link stays good', page.status, 422);
    page = await client.submit((await client.get(link)).form(link), { password: 'another quiet meadow' });
    check('it is changed', page.text.includes('Your password is changed'));
    page = await client.post(link, { csrf: csrfOf(await client.get('/reset')), password: 'a third quiet meadow' });
    equal('the link works once', page.status, 410);
    equal('old sessions have ended', (await other.get('/settings/profile', { follow: false })).status, 303);
    check('the new one works', await logIn('forgetful', 'another quiet meadow'));
});

await part('sessions: seen and ended from elsewhere', async () => {
    const one = await member('sessioner'), two = await logIn('sessioner');
    const page = await one.get('/settings/sessions');
    const ends = page.forms.flatMap((f) => f.buttons).filter((b) => /\/settings\/sessions\/\d+\/end$/.test(b.action));
    equal('the other one can be ended', ends.length, 1);
    await one.press(page, ends[0].action);
    equal('it is out', (await two.get('/settings/profile', { follow: false })).status, 303);
    equal('this one is not', (await one.get('/settings/profile', { follow: false })).status, 200);
    const three = await logIn('sessioner');
    await one.act('/settings/sessions/end-others');
    equal('all others are out', (await three.get('/settings/profile', { follow: false })).status, 303);
});

await part('password and address', async () => {
    const one = await member('changer'), two = await logIn('changer');
    let page = await one.get('/settings/account');
    let answer = await one.submit(page.form('/settings/password'), { current: 'wrong', password: 'brand new secret words' });
    check('the present one must be right', answer.status === 422 && answer.html.includes('id="current-error"'), answer.status);
    answer = await one.submit(page.form('/settings/password'), { current: PASSWORD, password: 'brand new secret words' });
    check('changed', answer.text.includes('Your password is changed'));
    equal('others are out', (await two.get('/settings/profile', { follow: false })).status, 303);
    page = await one.get('/settings/account');
    answer = await one.submit(page.form('/settings/email'), { email: 'changer2@example.org', password: 'brand new secret words' });
    check('waits for its confirmation', answer.text.includes('changer2@example.org'));
    const link = await mailLink('changer2@example.org', /\/confirm\/[\w.~-]+/);
    await one.submit((await one.get(link)).form(link));
    check('it is the address now', (await one.get('/settings/account')).text.includes('At present: changer2@example.org'));
    page = await one.get('/settings/activity');
    for (const words of ['Password changed', 'E-mail address changed'])
        check(`the history says: ${words}`, await until(async () => (await one.get('/settings/activity')).text.includes(words), words));
});

await part('profile', async () => {
    const one = await member('portrait');
    const form = (await one.get('/settings/profile')).form('/settings/profile');
    let page = await one.submit(form, { name: 'Port <script>alert(1)</script>', headline: 'Paints & <i>', bio: 'I **paint**. <img src=x onerror=alert(1)>',
        field_name_1: 'Web', field_value_1: 'https://example.org/?a=1&b=2' });
    check('saved', page.text.includes('Saved'), page.text.slice(0, 300));
    page = await new Client().get('/@portrait');
    equal('strangers see it', page.status, 200);
    check('Markdown works', page.html.includes('<strong>paint</strong>'));
    check('nothing executes', !/<script>alert|<img src=x/.test(page.html));
    check('the address is a link', page.links({ prefix: 'https://example.org/' }).length === 1);
    equal('a handle in other letters is the same', (await new Client().get('/@PORTRAIT')).status, 200);
    equal('avatar', (await new Client().get('/@portrait/avatar.svg')).header('content-type'), 'image/svg+xml');
    const long = await one.submit(form, { name: 'n'.repeat(51) });
    check('too long is refused', long.status === 422 && long.html.includes('id="name-error"'));
    page = await one.submit(form, { name: 'Renamed' });
    check('a change shows at once to strangers', (await new Client().get('/@portrait')).html.includes('Renamed'));
    await one.submit((await one.get('/settings/appearance')).form('/settings/appearance'), { theme: 'dark' });
    check('dark it is', (await one.get('/settings/profile')).html.includes('data-theme="dark"'));
});

await part('forms from elsewhere', async () => {
    const one = await member('victim');
    const token = await one.csrf();
    equal('no token', (await one.post('/settings/profile', { name: 'Evil' })).status, 403);
    equal('a wrong token', (await one.post('/settings/profile', { csrf: 'x'.repeat(token.length), name: 'Evil' })).status, 403);
    const other = await member('attacker');
    equal("somebody else's token", (await one.post('/settings/profile', { csrf: await other.csrf(), name: 'Evil' })).status, 403);
    equal('another site', (await one.post('/settings/profile', { csrf: token, name: 'Evil' }, { headers: { 'sec-fetch-site': 'cross-site' } })).status, 403);
    check('nothing changed', !(await one.get('/@victim')).html.includes('Evil'));
    const stranger = new Client();
    const form = (await stranger.get('/login')).form('/login');
    equal('log-in needs one too', (await stranger.submit(form, { csrf: 'nope', login: 'victim', password: PASSWORD })).status, 403);
});

await part('rates', async () => {
    const one = await member('rate_victim'), other = await member('rate_thief');
    const id = one.cookies.get('sid').split('.')[0], secret = other.cookies.get('sid').split('.')[1];
    for (const sid of [`${id}.${'A'.repeat(43)}`, `${id}.${secret}`]) {
        const thief = new Client();
        thief.cookies.set('sid', sid);
        equal('half of somebody else\'s session is none', (await thief.get('/settings/profile', { follow: false })).status, 303);
        for (let i = 0; i < 35; i++)
            await thief.post('/posts', { text: 'x' }, { follow: false });
    }
    equal('strangers use up nothing of a member\'s', (await one.act('/posts', { text: 'still there', audience: 'public' }, { follow: false })).status, 303);
});

await part('throttle', async () => {
    await member('target_one');
    let last;
    for (let i = 0; i < 12; i++) {
        const c = new Client();
        last = await c.submit((await c.get('/login')).form('/login'), { login: 'target_one', password: `guess ${i}` });
        if (last.status === 429)
            break;
    }
    equal('guessing is slowed down', last.status, 429);
    check('it says for how long', Number(last.header('retry-after')) > 0);
    const c = new Client();
    const right = await c.submit((await c.get('/login')).form('/login'), { login: 'target_one', password: PASSWORD });
    equal('also with the right one', right.status, 429);
});

await part('administration', async () => {
    const boss = await member('boss', { role: 'admin' }), helper = await member('helper', { role: 'moderator' });
    const worker = await member('worker_bee');
    equal('not for members', (await worker.get('/admin/members')).status, 403);
    let page = await boss.get('/admin/members?q=worker_bee');
    check('found', page.html.includes('@worker_bee'));
    const suspend = page.links({ prefix: '/admin/members/' }).find((l) => l.href.endsWith('/suspend')).href;
    page = await boss.get(suspend);
    page = await boss.submit(page.form(suspend), { note: 'Sold honey' });
    check('suspended', page.text.includes('suspended'));
    equal('and out', (await worker.get('/settings/profile', { follow: false })).status, 303);
    equal('the profile is gone', (await new Client().get('/@worker_bee')).status, 410);
    const c = new Client();
    const answer = await c.submit((await c.get('/login')).form('/login'), { login: 'worker_bee', password: PASSWORD });
    check('log-in says why', answer.status !== 303 && /suspended/.test(answer.text), answer.status);
    page = await boss.get('/admin/members?state=suspended');
    await boss.press(page, suspend.replace('suspend', 'restore'));
    check('restored', await logIn('worker_bee'));
    const id = suspend.split('/')[3];
    page = await boss.act(`/admin/members/${id}/role`, { role: 'moderator' });
    check('a role is given', page.text.includes('The role is changed'));
    equal('a moderator gives none', (await helper.act(`/admin/members/${id}/role`, { role: 'member' })).status, 403);
    equal('no role of that name', (await boss.act(`/admin/members/${id}/role`, { role: 'emperor' })).status, 422);
    check('the audit log has it', await until(async () => {
        const text = (await boss.get('/admin/audit')).text;
        return text.includes('Suspended a member') && text.includes('Sold honey');
    }, 'the audit log'));
    equal('the audit log is not for moderators', (await helper.get('/admin/audit')).status, 403);
});

await part('invites', async () => {
    const host = await member('host_one', { role: 'moderator' });
    let page = await host.submit((await host.get('/invites')).form('/invites'), { max_uses: '1', days: '7' });
    const link = /\/invite\/[\w-]+/.exec(page.html)[0];
    const guest = new Client();
    page = await guest.get(link);
    check('it says who invites', page.text.includes('host_one invites you'));
    page = await guest.submit(page.form('/signup'), { name: 'Guest', handle: 'guest_one', email: 'guest_one@example.org', password: PASSWORD, agreement: '1' });
    equal('the guest is in', page.status, 200);
    page = await new Client().get(link);
    check('once', page.text.includes('does not work any more'));
    equal('members make none', (await (await member('plain_one')).get('/invites')).status, 403);
});

await part('hostile input', async () => {
    const c = new Client();
    for (const path of ['/%00', '/@%ff', '/..%2f..%2fetc/passwd', '/@a%0d%0aSet-Cookie:x', '/directory?q=%ff', '/directory?before=-1', '/directory?order=evil',
        '/@nobody_here', '/settings/sessions/99999999999999999999/end']) {
        const answer = await c.get(path, { follow: false });
        check(`${path} is refused`, answer.status >= 300 && answer.status < 500, answer.status);
        check(`${path} sets nothing`, !(answer.header('set-cookie') ?? []).some((l) => l.startsWith('x')));
    }
    equal('a broken cookie is nobody', (await c.get('/settings/profile', { follow: false, headers: { cookie: 'sid=1.' + 'A'.repeat(43) } })).status, 303);
    equal('an unknown method', (await c.request('DELETE', '/login')).status, 405);
    check('HEAD has no body', (await c.request('HEAD', '/login')).body.length === 0);
    equal('JSON errors for who asks for JSON', (await c.get('/nope', { headers: { accept: 'application/json' } })).json().status, 404);
});

await finish();
