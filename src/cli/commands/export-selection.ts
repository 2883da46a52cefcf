/** The options of an export, and the selection that the API gets from them. */
import { refuseUsage } from '../terminal/exit.ts'
import type { ClientOptions } from './command.ts'
import { type FilterOptions, filterOf } from './filter-options.ts'

interface ExportChoice extends FilterOptions {
  readonly all?: boolean
  readonly id?: number
  readonly machineType?: readonly string[]
  readonly withRequisites?: boolean
  readonly payloads?: boolean
}

export interface ExportOptions extends ClientOptions, ExportChoice {
  readonly dryRun?: boolean
  readonly output: string
  readonly force?: boolean
  readonly manifest?: boolean
  readonly verify: boolean
}

/**
 * The body of the request.
 * @throws CommandError (usage) unless packages are selected in exactly one way
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
      '--id cannot be used with --with-requisites or --payloads: the contents of a started export do not change.'
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
