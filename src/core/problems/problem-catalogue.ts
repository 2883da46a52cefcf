/**
 * All problems that a caller can get: the kind of each, its explanation, and what the caller can do.
 */

/**
 * `invalid`: the request is wrong. `missing`: what it names is not there. `gone`: it was there. `conflict`: it does not
 * fit the present state. `unauthenticated`: there is no login. `forbidden`: the login does not allow it. `too-many`:
 * the caller has to wait. `too-large`: the body is longer than is read. `out-of-range`: the part that is asked for is
 * not there. `unavailable`: the depot cannot do it now.
 */
export type ProblemKind =
  | 'invalid'
  | 'missing'
  | 'gone'
  | 'conflict'
  | 'unauthenticated'
  | 'forbidden'
  | 'too-large'
  | 'too-many'
  | 'out-of-range'
  | 'unavailable'

interface ProblemDefinition {
  readonly kind: ProblemKind
  readonly id: string
  readonly explanation: string
  readonly recovery: string
}

const REPEAT = 'Repeat the request with a valid value.'

/** By code; the id is that of the message that a caller gets. */
export const PROBLEMS = {
  PARAMETER_INVALID: {
    kind: 'invalid',
    id: 'FQXHMUP9001L',
    explanation: 'A query parameter is missing or has a value that is not accepted.',
    recovery: REPEAT
  },
  BODY_INVALID: {
    kind: 'invalid',
    id: 'FQXHMUP9002L',
    explanation: 'The body of the request, or an attribute in it, is missing or not accepted.',
    recovery: REPEAT
  },
  BODY_TOO_LARGE: {
    kind: 'too-large',
    id: 'FQXHMUP9002L',
    explanation: 'The body of the request is longer than is read.',
    recovery: 'Send a smaller body. To export the whole repository, leave fixids empty.'
  },
  REQUEST_MALFORMED: {
    kind: 'invalid',
    id: 'FQXHMUP9034L',
    explanation: 'What was sent is not a request that this server can read. The connection is closed.',
    recovery: 'Send a request of HTTP/1.1, with a head of at most 16 KiB and a body that comes without long pauses.'
  },
  TASK_UNKNOWN: {
    kind: 'invalid',
    id: 'FQXHMUP9003L',
    explanation: 'There is no task with this id.',
    recovery: 'Use the taskid of the answer that started the task, or 0 for all running tasks.'
  },
  TASK_MISSING: {
    kind: 'missing',
    id: 'FQXHMUP9003L',
    explanation: 'There is no task with this id, or it has been deleted.',
    recovery: 'List the tasks with GET /tasks.'
  },
  TASK_DELETED: {
    kind: 'conflict',
    id: 'FQXHMUP9003L',
    explanation: 'The task was deleted before its result was read: the result is not known any more.',
    recovery: 'Look into the catalog for what it did, and repeat the request if it did not.'
  },
  FIXID_UNKNOWN: {
    kind: 'invalid',
    id: 'FQXHMUP9004L',
    explanation: 'The catalog has no package with this fixid. No task was started.',
    recovery: 'List the packages with GET /updateRepositories/firmware?key=updates, or read the repository again.'
  },
  SELECTION_EMPTY: {
    kind: 'invalid',
    id: 'FQXHMUP9027L',
    explanation: 'The selection has no packages. No task was started.',
    recovery: 'Look with GET /api/v1/packages what the filter lets through.'
  },
  EXPORT_NOT_DONE: {
    kind: 'conflict',
    id: 'FQXHMUP9028L',
    explanation: 'The export has no archive.',
    recovery: 'Look at its state with GET /api/v1/exports/{id}.'
  },
  PACKAGE_UNKNOWN: {
    kind: 'missing',
    id: 'FQXHMUP9020L',
    explanation: 'The catalog has no package with this fixid.',
    recovery: 'Search the packages with GET /api/v1/packages, or read the repository again.'
  },
  FILE_UNKNOWN: {
    kind: 'missing',
    id: 'FQXHMUP9029L',
    explanation: 'The catalog has no such file of this package.',
    recovery: 'Use a path that GET /api/v1/packages/{fixid} lists, or read the repository again.'
  },
  FILE_GONE: {
    kind: 'gone',
    id: 'FQXHMUP9030L',
    explanation: 'The file was there when the repository was last read, and has been removed since.',
    recovery: 'Put the file back, or read the repository again (action=read).'
  },
  FILE_CHANGED: {
    kind: 'conflict',
    id: 'FQXHMUP9031L',
    explanation: 'The file is another one than when the repository was last read: its digests would not be true.',
    recovery: 'Read the repository again (action=read), and repeat the request.'
  },
  TEXT_TOO_LARGE: {
    kind: 'conflict',
    id: 'FQXHMUP9032L',
    explanation: 'The file is larger than is shown as text.',
    recovery: 'Download the file with GET /api/v1/packages/{fixid}/file.'
  },
  EXPORT_UNKNOWN: {
    kind: 'missing',
    id: 'FQXHMUP9017L',
    explanation: 'There is no export with this id.',
    recovery: 'Use the id of the answer that started the export.'
  },
  TASK_ENDED: {
    kind: 'conflict',
    id: 'FQXHMUP9014L',
    explanation: 'The task has ended already, and stays as it is.',
    recovery: 'Look at its status to see how it ended.'
  },
  SPACE_INSUFFICIENT: {
    kind: 'conflict',
    id: 'FQXHMUP9005L',
    explanation: 'The volume of the data directory has no room for this archive. No task was started.',
    recovery: 'Make room in the data directory, wait until other exports have ended, or export fewer packages.'
  },
  PACKAGE_IN_USE: {
    kind: 'conflict',
    id: 'FQXHMUP9006L',
    explanation: 'An export that has not ended needs files of this package. Nothing was changed.',
    recovery: 'Repeat the request when the task has ended, or cancel the task.'
  },
  PACKAGE_IMPORTED: {
    kind: 'conflict',
    id: 'FQXHMUP9051L',
    explanation: 'An import that has not ended changes files of this package. Nothing was changed.',
    recovery:
      'Repeat the request when the task has ended; one that was canceled needs some seconds to take back its changes.'
  },
  REPOSITORY_NOT_WRITABLE: {
    kind: 'conflict',
    id: 'FQXHMUP9018L',
    explanation: 'The server may not change the repository directory. Nothing was changed.',
    recovery: 'Let the server write to the directory, or change the files by hand and read the repository again.'
  },
  IMPORT_REFUSED: {
    kind: 'invalid',
    id: 'FQXHMUP9021L',
    explanation: 'What was sent cannot be taken into the repository. Nothing was changed.',
    recovery: 'Send the files of whole packages, as they were downloaded, or an archive that an export has made.'
  },
  IMPORT_CONFLICT: {
    kind: 'conflict',
    id: 'FQXHMUP9022L',
    explanation: 'The repository has this already, with other content. Nothing was changed.',
    recovery: 'To replace what is there, repeat the import with replace=true.'
  },
  REPOSITORY_FULL: {
    kind: 'conflict',
    id: 'FQXHMUP9023L',
    explanation: 'The repository has no room for these files. Nothing was changed.',
    recovery: 'Make room, for example with action=cleanup, or let the repository have more (FIXDEPOT_ALLOTMENT).'
  },
  IMPORT_BY_URL: {
    kind: 'invalid',
    id: 'FQXHMUP9024L',
    explanation: 'This server downloads nothing; files are sent to it. Nothing was changed.',
    recovery: 'Download the files, and send them as multipart/form-data.'
  },
  UPLOAD_BROKEN: {
    kind: 'invalid',
    id: 'FQXHMUP9025L',
    explanation: 'The body is not what multipart/form-data is, or has ended too early. Nothing was changed.',
    recovery: 'Send each file as a part of its own that has a file name.'
  },
  IMPORT_JOB_UNUSABLE: {
    kind: 'conflict',
    id: 'FQXHMUP9026L',
    explanation: 'The job of the import does not wait for these files. Nothing was changed.',
    recovery: 'Announce the files again with …/import/validate, or send them without a jobid.'
  },
  UPSTREAM_MISSING: {
    kind: 'conflict',
    id: 'FQXHMUP9019L',
    explanation: 'This server downloads nothing from Lenovo or from any other source.',
    recovery: 'Put the files into the repository directory, and read the repository again (action=read).'
  },
  ARCHIVE_GONE: {
    kind: 'gone',
    id: 'FQXHMUP9015L',
    explanation: 'The archive was there, and has been removed since.',
    recovery: 'Repeat the export.'
  },
  ARCHIVE_UNKNOWN: {
    kind: 'missing',
    id: 'FQXHMUP9007L',
    explanation: 'No finished export has an archive of this name.',
    recovery: 'Use the name that the status call gives as current when the export is complete.'
  },
  RANGE_UNSATISFIABLE: {
    kind: 'out-of-range',
    id: 'FQXHMUP9013L',
    explanation: 'The range that is asked for begins behind the end of the file.',
    recovery: 'If the download is complete already, nothing is to be done; else download the file from its beginning.'
  },
  ROUTE_UNKNOWN: {
    kind: 'missing',
    id: 'FQXHMUP9010L',
    explanation: 'The path or the method is not one that this server has.',
    recovery: 'The API is described at /docs.'
  },
  NOT_AUTHENTICATED: {
    kind: 'unauthenticated',
    id: 'FQXHMSE9001L',
    explanation: 'The request has no user name and password, or they are wrong.',
    recovery: 'Repeat the request with valid credentials.'
  },
  LOGIN_REFUSED: {
    kind: 'forbidden',
    id: 'FQXHMSE9004L',
    explanation: 'The user name and the password of the login do not belong together.',
    recovery: 'Repeat the login with valid credentials.'
  },
  LOGIN_TOO_OFTEN: {
    kind: 'too-many',
    id: 'FQXHMSE9006L',
    explanation: 'There were logins with a wrong password from this address: the next one has to wait.',
    recovery: 'Wait as long as Retry-After says, and repeat the request with valid credentials.'
  },
  LOGINS_BUSY: {
    kind: 'unavailable',
    id: 'FQXHMSE9007L',
    explanation: 'Checking a password takes work, and more of them wait than the server takes on.',
    recovery: 'Repeat the request as soon as Retry-After says. Sessions and tokens need no such check.'
  },
  ACCESS_DENIED: {
    kind: 'forbidden',
    id: 'FQXHMSE9005L',
    explanation: 'The login is valid, and does not allow this. Nothing was changed.',
    recovery: 'Log in as a user whose role allows it, or ask an administrator for that role.'
  },
  USER_UNKNOWN: {
    kind: 'missing',
    id: 'FQXHMSE9008L',
    explanation: 'There is no user with this name.',
    recovery: 'List the users with GET /api/v1/users.'
  },
  USER_EXISTS: {
    kind: 'conflict',
    id: 'FQXHMSE9009L',
    explanation: 'There is a user with this name already. Nothing was changed.',
    recovery: 'Choose another name, or change the user with PATCH /api/v1/users/{name}.'
  },
  LAST_ADMINISTRATOR: {
    kind: 'conflict',
    id: 'FQXHMSE9010L',
    explanation: 'Without this user there would be no administrator. Nothing was changed.',
    recovery: 'Make another user an administrator first.'
  },
  TOKEN_UNKNOWN: {
    kind: 'missing',
    id: 'FQXHMSE9011L',
    explanation: 'There is no token with this id, or it is another user’s.',
    recovery: 'List the tokens with GET /api/v1/tokens.'
  },
  TOO_MANY_KEPT: {
    kind: 'conflict',
    id: 'FQXHMSE9012L',
    explanation: 'There are as many users, or tokens of this user, as there may be. Nothing was changed.',
    recovery: 'Remove those that are not needed any more.'
  },
  CSRF_TOKEN_WRONG: {
    kind: 'forbidden',
    id: 'FQXHMSE9002L',
    explanation: 'A request that changes something needs more than the cookie of the session. Nothing was changed.',
    recovery: 'Send the value of the cookie csrf in the header X-Csrf-Token, or use Basic authentication.'
  },
  CROSS_SITE_REFUSED: {
    kind: 'forbidden',
    id: 'FQXHMSE9014L',
    explanation: 'A browser has sent this for a page of another site. Nothing was changed.',
    recovery: 'Use a page of this server or a program, or let the operator list the origin in FIXDEPOT_CORS_ORIGINS.'
  },
  LIMIT_REACHED: {
    kind: 'too-many',
    id: 'FQXHMUP9033L',
    explanation: 'The user has as many of these under way as one may have. Nothing was changed.',
    recovery: 'Wait until some have ended, or cancel some.'
  },
  SESSION_UNKNOWN: {
    kind: 'missing',
    id: 'FQXHMSE9003L',
    explanation: 'The session has ended, or there has never been one with this id.',
    recovery: 'List the sessions with GET /sessions.'
  },
  REPOSITORY_UNAVAILABLE: {
    kind: 'unavailable',
    id: 'FQXHMUP9012L',
    explanation: 'The repository cannot be read at the moment.',
    recovery: 'Check that the directory exists, is mounted, and can be read by the server.'
  },
  ARCHIVES_UNAVAILABLE: {
    kind: 'unavailable',
    id: 'FQXHMUP9050L',
    explanation: 'The storage of archives cannot be read or written at the moment. Nothing was changed.',
    recovery: 'Repeat the request later. If it happens again, the operator finds the cause with fixdepot doctor.'
  },
  DATABASE_UNAVAILABLE: {
    kind: 'unavailable',
    id: 'FQXHMUP9016L',
    explanation: 'The database cannot be read or written at the moment. Nothing was changed.',
    recovery: 'Repeat the request later. If it happens again, the operator finds the cause with fixdepot doctor.'
  },
  AUDIT_UNAVAILABLE: {
    kind: 'unavailable',
    id: 'FQXHMSE9013L',
    explanation:
      'What was asked for cannot be recorded in the audit trail, so it is not answered. It may have been done.',
    recovery: 'Look whether it was done, and repeat the request later. The operator finds the cause in the log.'
  },
  WORKER_UNAVAILABLE: {
    kind: 'unavailable',
    id: 'FQXHMUP9011L',
    explanation: 'The part of the server that accepts work is not there at the moment. No task was started.',
    recovery: 'Repeat the request in a few seconds.'
  },
  SERVER_CLOSING: {
    kind: 'unavailable',
    id: 'FQXHMUP9049L',
    explanation: 'The server is stopping or restarting. Nothing was changed.',
    recovery: 'Repeat the request when it runs again; tasks that were accepted go on then.'
  }
} as const satisfies Record<string, ProblemDefinition>

export type ProblemCode = keyof typeof PROBLEMS
