// Languages: German by what the browser asks for and by what a member chose, plural forms, errors beside their fields,
// mail; English for everybody else; and a kept page is never the wrong one.
// harness: set registration = open
import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { Client, PASSWORD, check, equal, finish, mails, member, part, until } from './lib.mjs';

const speaking = (language) => new Client({ headers: language === null ? {} : { 'accept-language': language } });
const langOf = (page) => page.tags('html')[0]?.lang;
const german = speaking('de');

// What stands below a field that is wrong.
function errorOf(page, field) {
    const found = new RegExp(`<p class="error" id="${field}-error">([^<]*)</p>`).exec(page.html);
    return found ? found[1].replaceAll('&amp;', '&') : null;
}

await part('the browser says which language', async () => {
    for (const [asked, given] of [[null, 'en'], ['', 'en'], ['en', 'en'], ['en-GB,en;q=0.9,de;q=0.5', 'en'], ['de', 'de'], ['DE-at', 'de'],
        ['de-CH,de;q=0.9,en;q=0.8', 'de'], ['fr, de;q=0.3', 'de'], ['en;q=0.2, de;q=0.9', 'de'], ['fr', 'en'], ['ja,ar;q=0.5', 'en'],
        ['de;q=0, en', 'en'], ['*', 'en'], ['fr,\tde', 'de'], ['d', 'en'], ['nds,deu', 'en'], [';q=,,', 'en'], ['x'.repeat(3000), 'en']]) {
        const page = await speaking(asked).get('/login');
        equal(`lang for ${JSON.stringify(asked)?.slice(0, 40)}`, langOf(page), given);
        equal(`title for ${JSON.stringify(asked)?.slice(0, 40)}`, page.title.split(' · ')[0], given === 'de' ? 'Anmelden' : 'Log in');
        equal('written from left to right', page.tags('html')[0].dir, 'ltr');
    }
});

await part('pages for everybody are German throughout', async () => {
    for (const [address, words] of [['/', 'Menschen, keine Maschine'], ['/about', 'Mitglied werden'], ['/signup', 'E-Mail-Adresse'],
        ['/reset', 'Link schicken'], ['/local', 'Noch keine öffentlichen Beiträge'], ['/directory', 'Mitglieder, die gefunden werden möchten'],
        ['/tags', 'Noch keine Tags'], ['/no/such/page', 'Diese Seite gibt es nicht']]) {
        const page = await german.get(address);
        check(`${address} in German`, langOf(page) === 'de' && page.text.includes(words), page.text.slice(0, 300));
        check(`${address} has no English left`, !/\b(the|you|with|Log in|Sign up|Find people)\b/.test(page.text), page.text);
    }
    const script = (await german.get('/')).tags('script').find((s) => s['data-left'] !== undefined);
    equal('the words that the script shows', script['data-left'], 'noch # Zeichen');
});

await part('what is wrong is said beside the field, in German', async () => {
    const form = (await german.get('/signup')).form('/signup');
    const page = await german.submit(form, { handle: '9bad', email: 'no address', password: PASSWORD, name: 'x'.repeat(60), agreement: '1' });
    equal('422', page.status, 422);
    equal('a rule of the field, with its label', errorOf(page, 'email'), 'E-Mail-Adresse: bitte in der Form name@example.org.');
    equal('with a number', errorOf(page, 'name'), 'Dein Name: höchstens 50 Zeichen.');
    check('also at the top', page.text.includes('Hier stimmt etwas noch nicht'));
    const missing = await german.submit(form, { handle: '', email: '', password: PASSWORD });
    equal('missing', errorOf(missing, 'handle'), 'Kürzel fehlt.');
    const weak = await german.submit(form, { handle: 'schwach', email: 's@example.org', password: 'kurz', agreement: '1' });
    equal('of the service, with a number', errorOf(weak, 'password'), 'Nimm mindestens 10 Zeichen. Mehrere Wörter sind ein gutes Passwort.');
    const login = await german.submit((await german.get('/login')).form('/login'), { login: 'niemand', password: 'falsch falsch' });
    check('a form as a whole', login.text.includes('passen nicht zusammen'), login.text.slice(0, 400));
    const english = new Client();
    const same = await english.submit((await english.get('/signup')).form('/signup'), { handle: '', email: '', password: PASSWORD });
    equal('the same in English', errorOf(same, 'handle'), 'Handle is missing.');
});

const ada = await member('ada', { headers: { 'accept-language': 'de' } });
const ben = await member('ben', { headers: { 'accept-language': 'en' } });

await part('plural forms, times and failures', async () => {
    const write = async (text, fields = {}) => ada.act('/posts', { text, audience: 'public', ...fields });
    check('none', (await ada.get('/@ada')).text.includes('0 Beiträge'), (await ada.get('/@ada')).text.slice(0, 600));
    await write('Eins');
    check('one', /\b1 Beitrag\b/.test((await ada.get('/@ada')).text));
    check('one in English', /\b1 post\b/.test((await ben.get('/@ada')).text));
    await write('Zwei');
    check('two', /\b2 Beiträge\b/.test((await ada.get('/@ada')).text));
    check('two in English', /\b2 posts\b/.test((await ben.get('/@ada')).text));
    const thread = /href="(\/@ada\/(\d+))"/.exec((await ada.get('/@ada')).html);
    for (const [n, words, english] of [[1, '1 Kommentar ', '1 comment '], [2, '2 Kommentare ', '2 comments ']]) {
        await ben.act('/posts', { text: `Reply ${n}`, audience: 'public', in_reply_to: thread[2] });
        const page = await until(async () => {
            const seen = await ada.get(thread[1]);
            return seen.text.includes(words) && seen;
        }, words.trim());
        check(`no other number than ${n}`, page.text.includes(words));
        check(`${english}in English`, (await ben.get(thread[1])).text.includes(english));
    }
    const times = (page) => page.html.match(/<time [^>]*title="([^"]*)"[^>]*>([^<]*)</);
    const de = times(await ada.get('/@ada')), en = times(await ben.get('/@ada'));
    check('a date in German', /^\d{1,2}\. (Jan\.|Feb\.|März|Apr\.|Mai|Juni|Juli|Aug\.|Sept\.|Okt\.|Nov\.|Dez\.) \d{4}, \d\d:\d\d$/.test(de[1]), de[1]);
    check('how long ago in German', /^(jetzt|\d+ Min\.)$/.test(de[2]), de[2]);
    check('a date in English', /^\d{1,2} [A-Z][a-z]{2} \d{4}, \d\d:\d\d$/.test(en[1]), en[1]);
    check('how long ago in English', /^(now|\d+m)$/.test(en[2]), en[2]);
    const direct = await ada.act('/posts', { text: 'An niemanden', audience: 'direct' });
    check('a failure without a mark of its own', direct.text.includes('Diesen Beitrag sehen nur Erwähnte.'), direct.text.slice(0, 500));
    const json = await ada.get('/@ada/1', { headers: { accept: 'application/json' } });
    equal('for programs, too', json.json().error, 'Diesen Beitrag gibt es nicht.');
    const away = await ben.act(`/posts/${thread[2]}/delete`, {}, { headers: { 'accept-language': 'de' } });
    check('somebody else’s post', away.status === 403 && away.text.includes('Das darfst du nicht'), `${away.status} ${away.text.slice(0, 300)}`);
});

await part('a member chooses, whatever the browser says', async () => {
    const choose = async (language) => ben.submit((await ben.get('/settings/appearance')).form('/settings/appearance'), { language });
    equal('English at first', langOf(await ben.get('/')), 'en');
    const saved = await choose('de');
    check('German from the next page on', langOf(saved) === 'de' && saved.text.includes('Gespeichert.'), saved.text.slice(0, 300));
    equal('the choice stands in the form', saved.form('/settings/appearance').fields.find(([name]) => name === 'language')[1], 'de');
    equal('on every page', langOf(await ben.get('/local')), 'de');
    equal('also for a browser that wants French', langOf(await ben.get('/', { headers: { 'accept-language': 'fr' } })), 'de');
    const elsewhere = new Client({ headers: { 'accept-language': 'en' } });
    await elsewhere.submit((await elsewhere.get('/login')).form('/login'), { login: 'ben', password: PASSWORD });
    equal('on other devices', langOf(await elsewhere.get('/')), 'de');
    equal('who is not logged in keeps theirs', langOf(await new Client().get('/local')), 'en');
    await choose('en');
    equal('English for a German browser', langOf(await ben.get('/', { headers: { 'accept-language': 'de' } })), 'en');
    await choose('');
    equal('again as the browser says', langOf(await ben.get('/', { headers: { 'accept-language': 'de' } })), 'de');
    const wrong = await choose('tlh');
    check('no such language', wrong.status === 422 && errorOf(wrong, 'language') === 'Choose one of the languages in the list.', errorOf(wrong, 'language'));
});

await part('mail is in the language of the one who signed up', async () => {
    const email = 'neu@example.org';
    await german.submit((await german.get('/signup')).form('/signup'), { handle: 'neu', name: 'Neu', email, password: PASSWORD, agreement: '1' });
    const found = await until(async () => {
        const all = await mails(email);
        return all.length > 0 && all;
    }, 'a mail');
    const mail = Buffer.from(found[0], 'latin1').toString('utf8');
    check('German', mail.includes('Hallo neu,') && mail.includes('Um sie zu bestätigen, öffne:'), mail.slice(0, 1500));
});

// The workers say `private`; what nginx took from a file it does not.
const kept = (page) => page.header('cache-control') === 'no-cache';

await part('kept pages are English, and for those alone who get English', async () => {
    const anybody = speaking('en');
    const post = /href="(\/@ada\/\d+)"/.exec((await anybody.get('/@ada')).html)[1];
    for (const address of ['/', '/local', '/@ada', post]) {
        await until(async () => kept(await anybody.get(address)), `a kept ${address}`);
        for (const language of ['de', 'de-AT,de;q=0.9,en;q=0.8', 'DE', 'fr;q=0.9, de;q=0.8', 'en;q=0.5,de;q=0.9', 'fr,\tde']) {
            const page = await speaking(language).get(address);
            check(`${address} for ${language}`, !kept(page) && langOf(page) === 'de', `${page.header('cache-control')} ${langOf(page)}`);
        }
        for (const language of [null, 'en', 'en-GB,en;q=0.9,de;q=0.5', 'fr', 'ja, ar;q=0.4']) {
            const page = await speaking(language).get(address);
            check(`${address} for ${language}`, kept(page) && langOf(page) === 'en', `${page.header('cache-control')} ${langOf(page)}`);
        }
        check(`${address} says on what it depends`, /Accept-Language/.test((await anybody.get(address)).header('vary') ?? ''));
    }
});

await part('feeds say that they depend on the language', async () => {
    const feed = await german.get('/@ada/feed.atom');
    equal('a feed', feed.status, 200);
    check('by language', /Accept-Language/.test(feed.header('vary') ?? ''), feed.header('vary'));
});

await part('a German reader who comes first leaves nothing behind', async () => {
    await member('spaet');
    const first = await german.get('/@spaet');
    equal('German', langOf(first), 'de');
    const next = await speaking('en').get('/@spaet');
    equal('then English', langOf(next), 'en');
    equal('then German', langOf(await german.get('/@spaet')), 'de');
    await until(async () => kept(await speaking('en').get('/@spaet')), 'a kept page');
    const folder = path.join(process.env.TEST_SITE, 'pages');
    const files = (await readdir(folder, { recursive: true })).filter((file) => file.endsWith('.html'));
    check('pages are kept', files.length >= 5, files.join(' '));
    for (const file of files)
        check(`${file} is English`, (await readFile(path.join(folder, file), 'utf8')).includes('<html lang="en"'));
});

await finish();
