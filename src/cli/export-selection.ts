/** What is to be exported, in exactly one of four ways. */
import { refuseUsage } from './exit.ts'
import { type FilterOptions, filterOf } from './filter-options.ts'

export interface ExportChoice extends FilterOptions {
  readonly all?: boolean
  readonly id?: number
  readonly machineType?: readonly string[]
  readonly withRequisites?: boolean
  readonly payloads?: boolean
}

import type { ClientOptions } from './client/client-command.ts'

/**
 * The body of the request.
 * @throws CommandError (usage) when nothing is selected, or in two ways
 */
export function selectionBody(fixids: readonly string[], choice: ExportChoice): object {
  const { all, id, withRequisites, payloads } = choice
  const filter = filterOf(choice, choice.machineType ?? [])
  const ways = [fixids.length > 0, all === true, filter !== undefined, id !== undefined].filter((isGiven) => isGiven)
  if (ways.length !== 1) {
    const what = ways.length === 0 ? 'Nothing is selected' : 'Packages are selected in more than one way'
    refuseUsage(`${what}: give fixids, or a filter such as --machine-type or --latest, or --all, or --id.`)
  }
  if (id !== undefined && (withRequisites || payloads)) {
    refuseUsage(
      'What an export holds that was started before is settled: --id goes without --with-requisites and --payloads.'
    )
  }
  return {
    ...(fixids.length > 0 ? { fixids } : {}),
    ...(all ? { all } : {}),
    ...(filter === undefined ? {} : { filter }),
    ...(withRequisites ? { withRequisites } : {}),
    ...(payloads ? { files: 'payloads' } : {})
  }
}

export interface ExportOptions extends ClientOptions, ExportChoice {
  readonly dryRun?: boolean
  readonly output: string
  readonly force?: boolean
  readonly manifest?: boolean
  readonly verify: boolean
}
