/**
 * Keeps the process alive while a sock is open, as an open socket of node:dgram does.
 *
 * @module
 */

const LONGEST_INTERVAL_MS = 2 ** 31 - 1;

/**
 * The claim of one UDP sock, and of the DTLS sock that may use it, on the event loop. The process stays alive while the
 * UDP sock is open and neither of the two was told not to matter.
 */
export class KeepAlive {
  #open = false;
  #udpRef = true;
  #dtlsRef = true;
  #timer: NodeJS.Timeout | null = null;

  /** The UDP sock was opened or closed. */
  setOpen(open: boolean): void {
    this.#open = open;
    if (!open) {
      this.#udpRef = true;
      this.#dtlsRef = true;
    }
    this.#update();
  }

  /** Whether the UDP sock matters. */
  setUdpRef(on: boolean): void {
    this.#udpRef = on;
    this.#update();
  }

  /** Whether the DTLS sock matters; true when there is none. */
  setDtlsRef(on: boolean): void {
    this.#dtlsRef = on;
    this.#update();
  }

  #update(): void {
    const wanted = this.#open && this.#udpRef && this.#dtlsRef;
    if (wanted && this.#timer === null) {
      this.#timer = setInterval(() => {}, LONGEST_INTERVAL_MS);
    } else if (!wanted && this.#timer !== null) {
      clearInterval(this.#timer);
      this.#timer = null;
    }
  }
}
