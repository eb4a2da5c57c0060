//! The table of certificates: blue and pink, as the portal's test page shows them.

use kortlab_renewal::report::Report;

use kortlab_terminal::output::{BLUE, Cell, ERROR, GOOD, PINK, Table};

/// One line for each certificate.
pub fn table(report: &Report) -> Table {
    let mut table = Table::new([
        "",
        "Purpose",
        "Holder",
        "HSA-id",
        "Issuer",
        "Valid until",
        "State",
    ])
    .indented(3);
    for row in &report.certificates {
        let mark = match row.colour {
            "blue" => Cell::from("● blue").styled(BLUE),
            "pink" => Cell::from("● pink").styled(PINK),
            _ => "○ other".into(),
        };
        let until = row.not_after.split('T').next().unwrap_or_default();
        let state = Cell::from(format!("{} ({})", row.state_sv, row.state));
        table.row([
            mark,
            format!("{} ({})", row.purpose_sv, row.purpose).into(),
            row.holder.clone().into(),
            row.hsa_id.clone().unwrap_or_default().into(),
            row.issuer.clone().into(),
            until.into(),
            state.styled(if row.state == "valid" { GOOD } else { ERROR }),
        ]);
    }
    table
}
