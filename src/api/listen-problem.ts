import { portHolder } from './port-holder.ts';

/** Why the API cannot listen, in one line that says what to do. */
export async function listenProblem(
  error: NodeJS.ErrnoException,
  host: string,
  port: number,
): Promise<Error> {
  const where = `${host}:${port}`;
  switch (error.code) {
    case 'EADDRINUSE': {
      const holder = await portHolder(port).catch(() => null);
      const by = holder === null ? 'another program' : `${holder.command} (pid ${holder.pid})`;
      return new Error(
        `Port ${port} on ${host} is taken by ${by}. Stop it, or set ROUNDHOUSE_PORT to a free port.`,
        { cause: error },
      );
    }
    case 'EACCES':
      return new Error(`Listening on ${where} is not permitted. Set ROUNDHOUSE_PORT to a port above 1023.`, {
        cause: error,
      });
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
      return new Error(`This machine has no address ${host}. Set ROUNDHOUSE_HOST to 127.0.0.1 or 0.0.0.0.`, {
        cause: error,
      });
    default:
      return new Error(
        `Cannot listen on ${where}: ${error.message}. Set ROUNDHOUSE_HOST and ROUNDHOUSE_PORT.`,
        {
          cause: error,
        },
      );
  }
}
