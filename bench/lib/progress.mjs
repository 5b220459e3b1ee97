// A progress bar on the terminal. It draws when a measurement has ended, never during one.

const WIDTH = 32;

export class Progress {
  #total;
  #done = 0;
  #begin = Date.now();
  #live = process.stderr.isTTY === true;

  constructor(total) {
    this.#total = total;
  }

  /** One more measurement has ended; `what` comes next. */
  step(what) {
    this.#done = Math.min(this.#done + 1, this.#total);
    const share = this.#done / this.#total;
    const seconds = Math.round((Date.now() - this.#begin) / 1000);
    const bar = '#'.repeat(Math.round(share * WIDTH)).padEnd(WIDTH, '.');
    const line = `[${bar}] ${String(Math.round(share * 100)).padStart(3)} % ${seconds} s  ${what}`;
    if (this.#live) process.stderr.write(`\r\x1b[K${line.slice(0, process.stderr.columns ?? 100)}`);
    else if (this.#done % 20 === 0) process.stderr.write(`${line}\n`);
  }

  end() {
    if (this.#live) process.stderr.write('\r\x1b[K');
  }
}
