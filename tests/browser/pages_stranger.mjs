// Every page as a stranger sees it: libpages.mjs.
// harness: set registration = approval
// harness: set rate_limits = no
import { lookAtAll } from './libpages.mjs';

await lookAtAll('stranger');
