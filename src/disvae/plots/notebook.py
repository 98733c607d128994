"""How a notebook shows a run."""

import base64
import html
import io

from disvae.errors import UserError
from disvae.plots.walks import traversals
from disvae.runs.run import Run


def run_html(run: Run) -> str | None:
    """Return HTML with what the run is, its last losses, and traversals of the prior.

    None, so that its text is shown, if it has no model or no log yet.
    """
    options = run.options
    try:
        losses = run.losses
        n_rows = min(10, options.latent_dim)
        picture = traversals(run, n_rows=n_rows, n_cols=10, is_show_loss=True)
    except UserError:
        return None
    buffer = io.BytesIO()
    picture.save(buffer, format="PNG")
    encoded = base64.b64encode(buffer.getvalue()).decode("ascii")
    terms = [name for name in losses if not name.startswith("kl_loss_")]
    last = ", ".join(f"{html.escape(name)} {losses[name][-1]:.2f}" for name in terms)
    return (
        f"<p><b>{html.escape(run.name)}</b>: {options.loss} on {html.escape(options.dataset)}"
        f"<br>{last} (nats per image)</p>"
        f'<img alt="traversals of the prior" src="data:image/png;base64,{encoded}">'
    )
