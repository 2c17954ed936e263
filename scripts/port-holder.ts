/** Prints who listens on a port of this machine, for start-all.sh: nothing when it is free. Usage: port-holder.ts PORT */
import { portHolder } from '../src/api/port-holder.ts';

const holder = await portHolder(Number(process.argv[2]));
if (holder !== null) console.log(`${holder.command} (pid ${holder.pid})`);
