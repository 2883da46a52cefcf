/** The peers are installed on the first run of the benchmark, into this folder: a compiler may see them or not. */
declare module '@fastify/static'
declare module 'archiver'
declare module 'client-zip'
declare module 'yazl'
declare module 'zip-stream'
