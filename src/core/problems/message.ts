/**
 * What a task or an answer says to its caller.
 *
 * Ids follow the appliance's grammar: FQXHM, two letters for the component, four digits, one letter for the severity.
 * Lenovo's own ids are used with their documented meaning only; ours are FQXHMUP9xxx and FQXHMSE9xxx.
 */

export interface Message {
  readonly id: string
  readonly text: string
  readonly explanation: string
  /** What the reader can do about it. */
  readonly recovery: string
}

const NO_ACTION = 'Information only; no action is required.'

/** Lenovo's message for a repository operation that worked. */
export const OPERATION_SUCCEEDED: Message = {
  id: 'FQXHMUP2500I',
  text: 'Repository operation completed successfully.',
  explanation: '',
  recovery: NO_ACTION
}

/** Lenovo's message for any other request that worked. */
export const REQUEST_SUCCEEDED: Message = {
  id: 'FQXHMSE0001I',
  text: 'The request completed successfully.',
  explanation: '',
  recovery: NO_ACTION
}

/** A task was accepted and runs in the background. */
export function taskAccepted(taskId: number): Message {
  return {
    id: 'FQXHMUP9101I',
    text: `Task ${taskId} was accepted and runs in the background.`,
    explanation: 'The answer says that the request was accepted, not yet that it succeeded.',
    recovery: `Follow the task with GET /updateRepositories/firmware/status?taskid=${taskId}.`
  }
}

/** An export continues without the payloads of some of its packages. */
export function payloadsMissing(fixids: readonly string[], count: number): Message {
  return {
    id: 'FQXHMUP9102F',
    text: `Selected packages without their payload in the repository, ${count} in all: ${listOf(fixids, count)}.`,
    explanation: 'Only the metadata of these packages has been downloaded so far.',
    recovery: 'Add the payload files to the repository, read it again, and repeat the export.'
  }
}

/** An export of a system pack continues without members that the repository does not have. */
export function membersMissing(fixids: readonly string[], count: number): Message {
  return {
    id: 'FQXHMUP9103F',
    text: `Members of the selected system packs that are not in the repository, ${count} in all: ${listOf(fixids, count)}.`,
    explanation: 'The archive holds the members that are there.',
    recovery: 'Add the missing packages to the repository, read it again, and repeat the export.'
  }
}

/** An export continues without packages that selected ones require. */
export function requisitesMissing(fixids: readonly string[], count: number): Message {
  return {
    id: 'FQXHMUP9106F',
    text: `Packages that the selected ones require and that are not in the repository, ${count} in all: ${listOf(fixids, count)}.`,
    explanation: 'The archive holds those that are there.',
    recovery: 'Add the missing packages to the repository, read it again, and repeat the export.'
  }
}

/** A task ended because of something that went wrong while it ran. */
export function taskFailed(text: string, recovery: string): Message {
  return { id: 'FQXHMUP9009L', text, explanation: 'The task ended without a result.', recovery }
}

/** The files of an import that was announced have not come. */
export function importExpired(): Message {
  return taskFailed(
    'The import was given up: its files have not been sent in time.',
    'Announce the files again with …/import/validate, or send them without a jobid.'
  )
}

/** What an import has done. */
export interface ImportSummary {
  /** The fixids of packages that are new, or have changed. */
  readonly imported: readonly string[]
  /** How many packages were in the repository already, just as they were sent. */
  readonly unchangedCount: number
  /** Files that are kept for a while, until the metadata of their package comes. */
  readonly waiting: readonly string[]
  /** Files of archives that belong to no package. */
  readonly ignored: readonly string[]
}

const MAX_NAMED = 20

export function importEnded({ imported, unchangedCount, waiting, ignored }: ImportSummary): Message {
  if (waiting.length + ignored.length === 0 && unchangedCount === 0) return OPERATION_SUCCEEDED
  const first = (names: readonly string[]) => listOf(names.slice(0, MAX_NAMED), names.length)
  const sentences = [
    `Packages imported: ${imported.length}.`,
    ...(unchangedCount > 0 ? [`Packages that were there already: ${unchangedCount}.`] : []),
    ...(waiting.length > 0 ? [`Files that wait for the metadata of their package: ${first(waiting)}.`] : []),
    ...(ignored.length > 0 ? [`Files that belong to no package, and are left out: ${first(ignored)}.`] : [])
  ]
  return {
    id: waiting.length + ignored.length > 0 ? 'FQXHMUP9105F' : 'FQXHMUP9105I',
    text: sentences.join(' '),
    explanation: waiting.length > 0 ? 'What waits is kept for an hour.' : '',
    recovery: waiting.length > 0 ? 'Send the metadata (.xml) of the package too.' : NO_ACTION
  }
}

/** A client has canceled the task. */
export const TASK_CANCELED: Message = {
  id: 'FQXHMUP9008F',
  text: 'The task was canceled.',
  explanation: 'A user canceled the task; its results are not kept.',
  recovery: 'Repeat the request if it is still needed.'
}

/** The first few of a list, and how many more there are. */
export function listOf(shown: readonly string[], count: number): string {
  const rest = count - shown.length
  return rest > 0 ? `${shown.join(', ')} and ${rest} more` : shown.join(', ')
}
